import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';

import { renderPage } from '~/testing/render';

import Plugins from './Plugins';

const user = userEvent.setup({ delay: null });
const show = (address = '/plugins') => renderPage(<Plugins />, '/plugins', address);

test('a plugin that lacks a grant is refused with the reason, and works once it is granted', async () => {
  const mock = show();
  await user.click(await screen.findByRole('button', { name: 'Enable acme.scanner' }));
  expect(await screen.findByText(/uses `http`, which is not granted/)).toBeDefined();

  const card = screen.getByRole('article', { name: 'acme.scanner' });
  expect(within(card).getByText('1 of 4 allowed')).toBeDefined();
  await user.click(within(card).getByRole('button', { name: 'Grants and log' }));
  const drawer = await screen.findByRole('dialog');
  expect(within(drawer).getByText(/three calls in a row ended in a trap/)).toBeDefined();
  expect((await within(drawer).findByLabelText('Log', { selector: 'pre' })).textContent).toContain(
    'wasm trap: unreachable',
  );
  await user.click(within(drawer).getByRole('checkbox', { name: 'Send requests to api.acme.example.org' }));
  await user.click(within(drawer).getByRole('checkbox', { name: /apps\/\*/ }));
  await user.click(within(drawer).getByRole('button', { name: 'Save grants' }));
  await waitFor(() => expect(mock.sent.at(-1)?.call).toBe('PUT /api/v1/plugins/acme.scanner/grants'));
  expect(mock.sent.at(-1)?.body).toEqual({
    package: true,
    http: ['api.acme.example.org'],
    cluster: ['apps/*'],
  });

  await user.click(screen.getByRole('button', { name: 'Enable acme.scanner' }));
  expect(await screen.findByRole('button', { name: 'Disable acme.scanner' })).toBeDefined();
});

test('nothing is saved while nothing was changed, and the button says so', async () => {
  const mock = show('/plugins?plugin=helm');
  const save = await screen.findByRole('button', { name: 'Save grants' });
  expect(save.getAttribute('aria-disabled')).toBe('true');
  await user.hover(save);
  expect(await screen.findByText('Nothing was changed')).toBeDefined();
  await user.click(save);
  expect(mock.sent).toEqual([]);
});

test('a built-in plugin stays, an installed one goes after its name was typed', async () => {
  const mock = show();
  const builtIn = await screen.findByRole('button', { name: 'Remove plugin helm' });
  expect(builtIn.getAttribute('aria-disabled')).toBe('true');
  await user.click(screen.getByRole('button', { name: 'Remove plugin acme.scanner' }));
  const dialog = await screen.findByRole('dialog');
  const remove = within(dialog).getByRole('button', { name: 'Remove' });
  expect(remove.getAttribute('aria-disabled')).toBe('true');
  await user.type(within(dialog).getByLabelText('Type acme.scanner to confirm'), 'acme.scanner');
  await user.click(remove);
  await waitFor(() => expect(screen.queryByRole('article', { name: 'acme.scanner' })).toBeNull());
  expect(mock.sent.at(-1)?.call).toBe('DELETE /api/v1/plugins/acme.scanner');
});
