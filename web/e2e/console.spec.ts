// The console's story in both languages, with axe on every page and pictures to look at.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Locator, type Page } from '@playwright/test';

import { enUS } from '../src/i18n/en-US';
import { zhCN } from '../src/i18n/zh-CN';
import { brokenChart, packChart, startServer, type Server } from './server';

const chart = '../integration/fixtures/charts/greeter';
const plugin = '../target/plugins/fixture.plugin.wasm';
const pictures = 'e2e/screenshots';

let server: Server;

test.beforeEach(async () => {
  server = await startServer();
  mkdirSync(pictures, { recursive: true });
});

test.afterEach(() => server.stop());

const modes = ['light', 'dark'] as const;

/** What fades in is judged once it is there; one transition may start another. */
const settled = (page: Page) =>
  page.waitForFunction(() =>
    document.getAnimations().every((a) => a.effect?.getComputedTiming().iterations === Infinity),
  );

/** No violation on the page as it stands, in light and in dark, and a picture of each. */
async function examine(page: Page, name: string) {
  await expect(page.locator('.ant-skeleton, .ant-spin-spinning')).toHaveCount(0);
  await expect(page.locator('.ant-btn-loading')).toHaveCount(0);
  for (const mode of modes) {
    // As another tab of the console would say it, so that it works over an open dialog too.
    await page.evaluate((newValue) => {
      localStorage.setItem('osc.mode', newValue);
      window.dispatchEvent(new StorageEvent('storage', { key: 'osc.mode', newValue }));
    }, mode);
    await expect(page.locator(`html[data-mode=${mode}]`)).toBeAttached();
    await settled(page);
    const found = await new AxeBuilder({ page })
      .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'])
      .analyze();
    expect
      .soft(
        found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`),
        `${name} in ${mode}`,
      )
      .toEqual([]);
    // The window grows with the page, so that what sticks to its edges is drawn once and at the edge.
    const { width, height } = page.viewportSize() ?? { width: 1280, height: 900 };
    const whole = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.setViewportSize({ width, height: Math.max(height, whole) });
    await page.screenshot({ path: join(pictures, `${name}-${mode}.png`), caret: 'initial' });
    await page.setViewportSize({ width, height });
  }
}

/** Whatever the browser complains about. */
function watch(page: Page): string[] {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    const { url, lineNumber, columnNumber } = message.location();
    problems.push(`${message.text()} at ${url}:${lineNumber}:${columnNumber}`);
  });
  return problems;
}

for (const [language, texts, width] of [
  ['en-US', enUS, 1280],
  ['zh-CN', zhCN, 1920],
] as const) {
  test(`from package to running instance in ${language}`, async ({ page }) => {
    const problems = watch(page);
    await page.setViewportSize({ width, height: 900 });
    await page.addInitScript((chosen) => localStorage.setItem('osc.language', chosen), language);
    const shot = (name: string) => examine(page, `${language}-${name}`);
    // What looks like a button and leads elsewhere is a link.
    const button = (name: string) =>
      page.getByRole('button', { name, exact: true }).or(page.locator('a.ant-btn', { hasText: name }));

    await page.goto(`${server.url}/sign-in`);
    await expect(page.getByRole('heading', { name: texts['signIn.title'] })).toBeVisible();
    await shot('00-sign-in');

    // Sign in by the printed link; the catalogue is empty and says how to begin.
    await page.goto(server.signIn);
    await expect(page.getByRole('heading', { name: texts['catalogue.empty'] })).toBeVisible();
    await shot('01-empty-catalogue');

    // Upload two versions and read what was found.
    const first = packChart(chart, server.folder);
    const second = packChart(chart, server.folder, '9.9.9');
    await button(texts['catalogue.upload']).first().click();
    await page.locator('input[type=file]').setInputFiles(first);
    // The first package waits until the component that reads it is compiled.
    await expect(button(texts['upload.open'])).toBeVisible({ timeout: 60_000 });
    await shot('02-uploaded');
    await page.locator('input[type=file]').setInputFiles(brokenChart(server.folder));
    await expect(page.getByText(texts['findings.blocking'])).toBeVisible();
    await shot('02-rejected');
    await button(texts['upload.open']).click();
    await expect(page.getByRole('heading', { name: 'greeter', level: 1, exact: true })).toBeVisible();
    await shot('03-service');

    for (const tab of ['findings', 'versions'] as const) {
      await page.getByRole('tab', { name: texts[`service.${tab}`].replace('{count}', '1') }).click();
      await shot(`03-service-${tab}`);
    }

    // Deploy with one changed value.
    await button(texts['service.deploy']).click();
    await page.getByLabel(texts['instances.name'], { exact: true }).fill('web');
    await page.getByLabel(texts['instances.cluster'], { exact: true }).click();
    await page.getByTitle(/^sandbox/).click();
    await page.getByLabel(texts['instances.namespace'], { exact: true }).fill('demo');
    await page.getByRole('tab', { name: texts['values.yaml'] }).click();
    await page.getByRole('textbox', { name: texts['values.yaml'] }).fill('replicas: 99');
    await expect(page.getByRole('status').filter({ hasText: 'replicas' })).toBeVisible();
    await shot('04-deploy-problems');
    await page.getByRole('textbox', { name: texts['values.yaml'] }).fill('replicas: 2');
    await shot('04-deploy-yaml');
    await page.getByRole('tab', { name: new RegExp(texts['values.changes']) }).click();
    await expect(page.getByRole('cell', { name: 'replicas' })).toBeVisible();
    await shot('04-deploy-changes');
    await page.getByRole('tab', { name: texts['values.form'] }).click();
    await shot('04-deploy');
    await button(texts['deploy.preview']).click();
    await expect(page.getByRole('heading', { name: texts['plan.title'] })).toBeVisible();
    await shot('05-plan');
    await button(texts['plan.apply']).click();
    await expect(page.getByRole('alert').filter({ hasText: texts['operations.succeeded'] })).toBeVisible({
      timeout: 60_000,
    });
    await shot('06-operation');

    // The instance page.
    await button(texts['operations.open']).click();
    await expect(page.getByText(texts['state.running']).first()).toBeVisible();
    await shot('07-instance');
    for (const tab of ['objects', 'events', 'logs', 'values', 'history'] as const) {
      await page.getByRole('tab', { name: texts[`instance.${tab}`], exact: true }).click();
      await shot(`08-instance-${tab}`);
    }

    // Change a value with a diff.
    await button(texts['instance.edit']).click();
    await page.getByRole('tab', { name: texts['values.yaml'] }).click();
    await page.getByRole('textbox', { name: texts['values.yaml'] }).fill('replicas: 3');
    await button(texts['deploy.preview']).click();
    await expect(page.getByText('Deployment', { exact: true })).toBeVisible();
    await page
      .getByRole('button', { name: /expand|展开/i })
      .first()
      .click();
    await shot('09-update-plan');
    await button(texts['plan.apply']).click();
    await expect(page.getByRole('alert').filter({ hasText: texts['operations.succeeded'] })).toBeVisible({
      timeout: 60_000,
    });

    // Upgrade to a version that came meanwhile, then roll back.
    server.osc('package', 'push', second);
    await button(texts['operations.open']).click();
    await button(texts['instance.upgradeTo'].replace('{version}', '9.9.9')).click();
    await button(texts['plan.apply']).click();
    await expect(page.getByRole('alert').filter({ hasText: texts['operations.succeeded'] })).toBeVisible({
      timeout: 60_000,
    });
    await button(texts['operations.open']).click();
    await page.getByRole('tab', { name: texts['instance.history'], exact: true }).click();
    await page.getByRole('row', { name: /^1 / }).getByRole('button').click();
    await button(texts['plan.apply']).click();
    await expect(page.getByRole('alert').filter({ hasText: texts['operations.succeeded'] })).toBeVisible({
      timeout: 60_000,
    });
    await button(texts['operations.open']).click();

    await expect(page.getByText(texts['state.running']).first()).toBeVisible();
    await shot('09-instance-later');

    // Delete after seeing what goes and what stays.
    await button(texts['instance.delete']).click();
    const dialog = page.getByRole('dialog');
    await expect(dialog.getByRole('table')).toBeVisible();
    await shot('10-delete');
    await dialog.getByLabel(texts['confirm.type'].replace('{name}', 'web')).fill('web');
    await dialog.getByRole('button', { name: texts['instance.delete'], exact: true }).click();
    await expect(page.getByRole('alert').filter({ hasText: texts['operations.succeeded'] })).toBeVisible({
      timeout: 60_000,
    });

    // Every other page.
    for (const page_ of [
      'subscriptions',
      'instances',
      'operations',
      'clusters',
      'reviews',
      'plugins',
      'audit',
      'settings',
    ] as const) {
      await page.getByRole('link', { name: texts[`nav.${page_}`], exact: true }).click();
      await expect(page.getByRole('heading', { name: texts[`nav.${page_}`], level: 1 })).toBeVisible();
      await shot(`11-${page_}`);
    }

    await page.getByRole('link', { name: texts['nav.clusters'], exact: true }).click();
    await button(texts['clusters.add']).click();
    await expect(page.getByRole('dialog')).toBeVisible();
    await shot('11-clusters-add');
    await page.getByRole('dialog').getByRole('button', { name: texts['clusters.addAction'] }).click();
    await expect(page.getByText(texts['common.required']).first()).toBeVisible();
    await shot('11-clusters-add-missing');
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();

    // Install a plugin that a partner wrote: see what it asks for, allow a part, look at it.
    await page.getByRole('link', { name: texts['nav.plugins'], exact: true }).click();
    await page.locator('main input[type=file]').setInputFiles(plugin);
    const drawer = page.getByRole('dialog');
    await expect(drawer.getByRole('checkbox')).toHaveCount(6, { timeout: 60_000 });
    await expect(drawer.getByRole('checkbox', { checked: true })).toHaveCount(0);
    await drawer.getByRole('button', { name: texts['plugins.grantAll'] }).click();
    await drawer.getByRole('button', { name: texts['plugins.save'] }).click();
    await expect(page.getByText(texts['plugins.saved'])).toBeVisible();
    await shot('12-plugin');
    await page.keyboard.press('Escape');
    await expect(drawer).toBeHidden();
    await page
      .getByRole('article', { name: 'fixture.plugin' })
      .getByRole('button', { name: texts['plugins.enable'] })
      .click();
    await expect(page.getByRole('article', { name: 'fixture.plugin' })).toContainText(texts['state.enabled']);
    await shot('13-plugins');
    expect(problems).toEqual([]);
  });
}

test('addresses that lead nowhere say so and show the way back', async ({ page }) => {
  await page.addInitScript(() => localStorage.setItem('osc.language', 'en-US'));
  await page.goto(server.signIn);
  await expect(page.getByRole('heading', { name: enUS['nav.catalogue'], level: 1 })).toBeVisible();
  await expect(page).toHaveTitle(`${enUS['nav.catalogue']} · OSC`);
  await page.goto(`${server.url}/no/such/page`);
  await expect(page.getByRole('heading', { name: enUS['notFound.title'] })).toBeVisible();
  await examine(page, 'nowhere');
  for (const address of ['services/nothing', 'instances/nothing', 'plans/nothing', 'operations/nothing']) {
    await page.goto(`${server.url}/${address}`);
    await expect(page.getByRole('heading', { name: enUS['error.page'] })).toBeVisible();
    await expect(page.getByRole('alert')).toContainText(/not-found · Request [0-9a-f]+/);
    await expect(page.locator('main').getByRole('link').first()).toBeVisible();
  }
  await examine(page, 'missing');
});

test('the story works with the keyboard alone', async ({ page }) => {
  const problems = watch(page);
  const archive = packChart(chart, server.folder);
  // The dialog itself is the system's; it answers with the package.
  page.on('filechooser', (chooser) => void chooser.setFiles(archive));
  await page.addInitScript(() => localStorage.setItem('osc.language', 'en-US'));
  const named = (role: 'button' | 'link' | 'combobox' | 'textbox' | 'spinbutton', name: string) =>
    page.locator('main, [role=dialog]').getByRole(role, { name, exact: true });
  // A focused tab says its number before its name.
  const tab = (name: string) => page.getByRole('tab', { name: new RegExp(`${name}$`) });

  /** Walks on with Tab until a control has the focus, and sees that the focus can be seen. */
  const goTo = async (target: Locator) => {
    await expect(target.first()).toBeVisible({ timeout: 60_000 });
    const focused = () => target.first().evaluate((node) => node === document.activeElement);
    for (let stops = 0; stops < 60 && !(await focused()); stops++) await page.keyboard.press('Tab');
    await expect(target.first()).toBeFocused();
    const ring = await target.first().evaluate((node) => {
      // Some controls draw their focus around a part of themselves.
      const rings = [node, node.parentElement, node.closest('[class*=focused]')].map((element) => {
        const style = element && getComputedStyle(element);
        return style && (style.outlineStyle !== 'none' || style.boxShadow !== 'none');
      });
      return rings.some(Boolean);
    });
    expect(ring, `the focus on ${String(target)} can be seen`).toBe(true);
  };
  const press = async (target: Locator) => {
    await goTo(target);
    await page.keyboard.press('Enter');
  };
  const write = async (target: Locator, text: string) => {
    await goTo(target);
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type(text);
  };

  // The first stop skips the menu.
  await page.goto(server.signIn);
  await expect(page.getByRole('heading', { name: enUS['catalogue.empty'] })).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: enUS['nav.skip'] })).toBeFocused();
  await page.keyboard.press('Enter');

  // Upload.
  await press(named('link', enUS['catalogue.upload']));
  await goTo(page.locator('main .ant-upload[role=button]'));
  await page.keyboard.press('Enter');
  await press(named('link', enUS['upload.open']));

  // From the catalogue to the service, and on to its form.
  await expect(page.getByRole('heading', { name: 'greeter', level: 1, exact: true })).toBeVisible();
  await press(page.locator('main').getByRole('link', { name: enUS['nav.catalogue'], exact: true }));
  await press(page.locator('main').getByRole('link', { name: /greeter/ }));
  await press(named('link', enUS['service.deploy']));
  await write(named('textbox', enUS['instances.name']), 'web');
  await goTo(named('combobox', enUS['instances.cluster']));
  await page.keyboard.press('ArrowDown');
  await expect(page.getByTitle(/^sandbox/)).toBeVisible();
  await page.keyboard.press('Enter');
  await write(named('combobox', enUS['instances.namespace']), 'demo');
  await page.keyboard.press('Escape');
  await write(named('spinbutton', 'Copies'), '2');
  await goTo(page.getByRole('button', { name: /^Image/ }));
  await page.keyboard.press('Enter');
  await expect(page.getByLabel('Repository')).toBeVisible();

  // The editor lets Tab through.
  await back(page, tab(enUS['values.form']));
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('textbox', { name: enUS['values.yaml'] })).toContainText('replicas: 2');
  await goTo(page.getByRole('textbox', { name: enUS['values.yaml'] }));
  await press(named('button', enUS['deploy.preview']));

  // Read the plan, open one change, apply.
  await expect(page.getByRole('heading', { name: enUS['plan.title'] })).toBeVisible();
  await goTo(page.getByRole('button', { name: 'Expand row' }));
  await page.keyboard.press('Enter');
  await expect(page.locator('.osc-diff').first()).toBeVisible();
  await page.keyboard.press('Home');
  await back(page, named('button', enUS['plan.apply']));
  await page.keyboard.press('Enter');
  await expect(page.getByText(enUS['operations.succeeded'], { exact: true })).toBeVisible({
    timeout: 60_000,
  });
  await press(named('link', enUS['operations.open']));

  // The instance page: tabs by arrows, the dialog gives the focus back.
  await expect(page.getByRole('heading', { name: 'web', level: 1, exact: true })).toBeVisible();
  await goTo(tab(enUS['instance.overview']));
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('cell', { name: 'Deployment', exact: true })).toBeVisible();
  await back(page, named('button', enUS['instance.delete']));
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog').getByRole('table')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(named('button', enUS['instance.delete'])).toBeFocused();
  expect(problems).toEqual([]);
});

const isFocused = (target: Locator) => target.first().evaluate((node) => node === document.activeElement);

/** Walks back with Shift and Tab. */
async function back(page: Page, target: Locator) {
  for (let stops = 0; stops < 60 && !(await isFocused(target)); stops++)
    await page.keyboard.press('Shift+Tab');
  await expect(target.first()).toBeFocused();
}
