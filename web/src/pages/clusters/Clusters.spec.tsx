import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';

import { renderPage } from '~/testing/render';

import type { Mock } from '../../../mock-api/handlers.ts';
import Clusters from './Clusters';

const user = userEvent.setup({ delay: null });
const show = (prepare?: (mock: Mock) => void) => renderPage(<Clusters />, '/clusters', '/clusters', prepare);
const card = (name: string) => screen.findByRole('article', { name });

test('a simulated cluster says so, one with instances says why it stays', async () => {
  show();
  const sandbox = await card('sandbox');
  expect(await within(sandbox).findByText('simulated')).toBeDefined();
  expect(await within(sandbox).findByText('2 instances')).toBeDefined();
  const remove = within(sandbox).getByRole('button', { name: 'Remove sandbox' });
  expect(remove.getAttribute('aria-disabled')).toBe('true');
  await user.hover(remove);
  expect(await screen.findByText('It has 2 instances: delete them first')).toBeDefined();
});

test('a cluster that is gone for good goes with its instances, after that was said', async () => {
  const mock = show(({ state: { instances } }) => {
    if (instances[0]) instances[0].cluster = 'prod-eu';
  });
  await user.click(await screen.findByRole('button', { name: 'Remove prod-eu' }));
  const dialog = await screen.findByRole('dialog');
  expect(await within(dialog).findByText('1 instance in it is forgotten too')).toBeDefined();
  await user.type(within(dialog).getByLabelText('Type prod-eu to confirm'), 'prod-eu');
  await user.click(within(dialog).getByRole('button', { name: 'Remove' }));
  await waitFor(() => expect(screen.queryByRole('article', { name: 'prod-eu' })).toBeNull());
  expect(mock.state.instances.map(({ cluster }) => cluster)).toEqual(['sandbox']);
});

test('a kubeconfig that is refused stays in the dialog with the reason', async () => {
  show();
  await user.click(await screen.findByRole('button', { name: 'Add cluster' }));
  const dialog = await screen.findByRole('dialog');
  await user.type(within(dialog).getByLabelText('Name'), 'far');
  await user.type(within(dialog).getByLabelText('Kubeconfig'), 'nothing');
  await user.click(within(dialog).getByRole('button', { name: 'Add and check' }));
  expect((await within(dialog).findByRole('alert')).textContent).toContain('it names no server');
});
