// What happens around a page: signing in and out of turn, a server that goes away, a log that grows.
import { expect, test } from '@playwright/test';

import { enUS } from '../src/i18n/en-US';
import { packChart, startServer, type Server } from './server';

const chart = '../integration/fixtures/charts/greeter';

let server: Server;

test.beforeEach(async ({ page }) => {
  server = await startServer();
  await page.addInitScript(() => localStorage.setItem('osc.language', 'en-US'));
});

test.afterEach(() => server.stop());

test('a deep link leads to the door and back, a used link says how to get another', async ({ page }) => {
  await page.goto(`${server.url}/instances?state=failed`);
  await expect(page).toHaveURL(`${server.url}/sign-in?next=%2Finstances%3Fstate%3Dfailed`);
  // The door itself remembers where to go, once it is there.
  await expect(page.getByRole('heading', { name: enUS['signIn.title'], level: 1 })).toBeVisible();
  await page.goto(server.signIn);
  await expect(page).toHaveURL(`${server.url}/instances?state=failed`);
  await expect(page.getByRole('heading', { name: enUS['nav.instances'], level: 1 })).toBeVisible();

  await page.context().clearCookies();
  await page.goto(server.signIn);
  await expect(page.getByRole('alert')).toContainText(enUS['signIn.linkOver']);
});

test('a session that ends leads to the door, and the page is there again afterwards', async ({ page }) => {
  await page.goto(server.signIn);
  await page.getByRole('link', { name: enUS['nav.clusters'], exact: true }).click();
  await expect(page.getByRole('heading', { name: enUS['nav.clusters'], level: 1 })).toBeVisible();
  await page.context().clearCookies();
  await page.getByRole('link', { name: enUS['nav.audit'], exact: true }).click();
  await expect(page).toHaveURL(/\/sign-in\?next=%2Faudit&ended=1$/);
  await expect(page.getByRole('alert')).toContainText(enUS['signIn.ended']);
});

test('a server that goes away is said, and the page goes on when it is back', async ({ page }) => {
  server.osc('package', 'push', packChart(chart, server.folder));
  server.osc(...'instance deploy greeter --name web --cluster sandbox --namespace demo --wait'.split(' '));
  await page.goto(server.signIn);
  await expect(page.getByRole('heading', { name: enUS['nav.catalogue'], level: 1 })).toBeVisible();
  await page.goto(`${server.url}/instances/web?tab=logs`);
  const status = page.getByRole('tabpanel').getByRole('status');
  await expect(status).toHaveText(enUS['logs.following']);
  await expect(page.locator('pre').filter({ hasText: /./ })).toBeVisible();

  await server.kill();
  await expect(page.getByText(enUS['error.lost'])).toBeVisible();
  await expect(status).toHaveText(enUS['logs.lost']);
  await server.restart();
  await expect(page.getByText(enUS['error.lost'])).toBeHidden({ timeout: 30_000 });
  await expect(status).toHaveText(enUS['logs.following'], { timeout: 30_000 });
});
