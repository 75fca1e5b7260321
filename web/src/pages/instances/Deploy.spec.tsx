import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';

import { renderPage } from '~/testing/render';

import Deploy from './Deploy';

const user = userEvent.setup({ delay: null });
const show = (address = '/services/everything/deploy') =>
  renderPage(<Deploy />, '/services/:service/deploy', address);

async function pickCluster(name: RegExp) {
  await user.click(await screen.findByLabelText('Cluster'));
  await user.click(await screen.findByTitle(name));
}

test('what is sent is where it goes and what differs, then the plan is shown', async () => {
  const mock = show();
  const name = await screen.findByLabelText('Name');
  await user.clear(name);
  await user.type(name, 'shop');
  await pickCluster(/^sandbox/);
  const replicas = screen.getByLabelText(/^Replicas/);
  await user.clear(replicas);
  await user.type(replicas, '2');
  await user.click(screen.getByRole('button', { name: 'Preview changes' }));
  await waitFor(() => expect(screen.getByLabelText('address').textContent).toMatch(/^\/plans\/\d+$/));
  expect(mock.sent).toEqual([
    {
      call: 'POST /api/v1/plans',
      body: {
        verb: 'install',
        service: 'everything',
        version: '1.0.0',
        name: 'shop',
        cluster: 'sandbox',
        namespace: 'default',
        values: { replicas: 2 },
      },
    },
  ]);
});

test('a name that no instance may have is refused before it is sent', async () => {
  const mock = show();
  const name = await screen.findByLabelText('Name');
  await user.clear(name);
  await user.type(name, 'Shop!');
  await pickCluster(/^sandbox/);
  await user.click(screen.getByRole('button', { name: 'Preview changes' }));
  expect(await screen.findByText(/Begin with a letter/)).toBeDefined();
  expect(mock.sent).toEqual([]);
});

test('a cluster that does not answer cannot be chosen, a simulated one is called so', async () => {
  show();
  await user.click(await screen.findByLabelText('Cluster'));
  expect((await screen.findByTitle('This cluster does not answer')).getAttribute('aria-disabled')).toBe(
    'true',
  );
  expect(screen.getByText(/sandbox · local · simulated/)).toBeDefined();
});

test('storage classes and secrets come from the chosen cluster and namespace', async () => {
  show();
  await pickCluster(/^sandbox/);
  await user.click(screen.getByLabelText('Storage class'));
  expect(await screen.findByTitle('standard')).toBeDefined();
  await user.click(screen.getByLabelText('TLS secret'));
  expect(await screen.findByTitle('tls-example-org')).toBeDefined();
});

test('a refusal is shown with its code and request, and what was filled in stays', async () => {
  show();
  const name = await screen.findByLabelText('Name');
  await user.clear(name);
  await user.type(name, 'web');
  await pickCluster(/^sandbox/);
  await user.click(screen.getByRole('button', { name: 'Preview changes' }));
  const alert = await screen.findByRole('alert');
  expect(alert.textContent).toContain('instance `web` already exists');
  expect(alert.textContent).toContain('already-exists');
  expect(alert.textContent).toMatch(/mock-\d+/);
  expect((name as HTMLInputElement).value).toBe('web');
});

test('a service that is not there says so', async () => {
  show('/services/nothing/deploy');
  expect((await screen.findByRole('alert')).textContent).toContain('service `nothing` does not exist');
});
