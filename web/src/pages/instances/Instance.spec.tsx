import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';

import { renderPage } from '~/testing/render';

import Instance from './Instance';
import Instances from './Instances';

const user = userEvent.setup({ delay: null });
const show = (id: string) => renderPage(<Instance />, '/instances/:id', `/instances/${id}`);

test('the overview says whether it is well, where it is reached and what was changed', async () => {
  show('2');
  expect(await screen.findByText('2 of 3 healthy')).toBeDefined();
  expect(screen.getByText('Deployment `web-canary-greeter`: 1 of 2 replicas are ready')).toBeDefined();
  const endpoints = screen.getByRole('region', { name: 'Endpoints' });
  expect(within(endpoints).getByRole('link').getAttribute('href')).toBe('http://web-canary-greeter.demo.svc');
  const changed = screen.getByRole('region', { name: 'Changed from the defaults' });
  await waitFor(() => expect(changed.textContent).toContain('greetingHello from the canary'));
  expect(await screen.findByText('simulated')).toBeDefined();
});

test('deleting shows what goes and what stays, and wants the name', async () => {
  const mock = show('1');
  await user.click(await screen.findByRole('button', { name: 'Delete' }));
  const dialog = await screen.findByRole('dialog');
  expect(await within(dialog).findByText('Stays in the cluster (1)')).toBeDefined();
  const remove = within(dialog).getByRole('button', { name: 'Delete' });
  expect(remove.getAttribute('aria-disabled')).toBe('true');
  await user.type(within(dialog).getByLabelText('Type web to confirm'), 'web');
  await user.click(remove);
  await waitFor(() => expect(screen.getByLabelText('address').textContent).toMatch(/^\/operations\/\d+$/));
  expect(mock.sent.map(({ call }) => call)).toEqual(['POST /api/v1/plans', 'POST /api/v1/operations']);
});

test('filters of the list live in the address, and an empty result shows the way back', async () => {
  renderPage(<Instances />, '/instances', '/instances?cluster=sandbox');
  expect(await screen.findByRole('link', { name: 'web-canary' })).toBeDefined();
  await user.type(screen.getByLabelText('Search instances'), 'nothing');
  expect(await screen.findByText('No instance matches')).toBeDefined();
  expect(screen.getByLabelText('address').textContent).toBe('/instances?cluster=sandbox&search=nothing');
  await user.click(screen.getByRole('button', { name: 'Clear filters' }));
  expect(await screen.findByRole('link', { name: 'web' })).toBeDefined();
  expect(screen.getByLabelText('address').textContent).toBe('/instances');
});

test('a long list is read in parts', async () => {
  renderPage(<Instances />, '/instances', '/instances', ({ state }) => {
    const [first] = state.instances;
    if (first)
      state.instances = Array.from({ length: 60 }, (_, i) => ({ ...first, id: `${i}`, name: `w-${i}` }));
  });
  expect(await screen.findByText('50 shown')).toBeDefined();
  expect(screen.queryByRole('link', { name: 'w-59' })).toBeNull();
  await user.click(screen.getByRole('button', { name: 'Show more' }));
  expect(await screen.findByRole('link', { name: 'w-59' })).toBeDefined();
  expect(screen.queryByRole('button', { name: 'Show more' })).toBeNull();
});

test('an instance whose cluster does not answer says so, and that it may be well', async () => {
  renderPage(<Instance />, '/instances/:id', '/instances/1', ({ state: { instances } }) => {
    const reason = 'connection refused';
    if (instances[0]) Object.assign(instances[0], { cluster: 'prod-eu', state: 'unknown', reason });
  });
  const alert = (await screen.findAllByRole('alert'))[0];
  expect(alert?.textContent).toContain('Cluster prod-eu does not answer');
  expect(alert?.textContent).toContain('connection refused');
});
