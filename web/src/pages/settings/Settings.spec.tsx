import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';

import { renderPage } from '~/testing/render';

import Settings from './Settings';

const user = userEvent.setup({ delay: null });
const panel = (name: string) => screen.findByRole('region', { name });

test('a token is shown once and can be taken away', async () => {
  const mock = renderPage(<Settings />, '/settings', '/settings');
  const tokens = await panel('Access tokens');
  await user.type(within(tokens).getByLabelText('What it is for'), 'laptop');
  await user.click(within(tokens).getByRole('button', { name: 'Make token' }));
  expect(mock.sent.at(-1)?.body).toEqual({ name: 'laptop', days: 90 });
  expect(await within(tokens).findByText(/^osc_mock_/)).toBeDefined();
  await user.click(await within(tokens).findByRole('button', { name: 'Remove token laptop' }));
  expect(await screen.findByText('The token works no more')).toBeDefined();
});

test('a user is added with a role and gets a link', async () => {
  const mock = renderPage(<Settings />, '/settings', '/settings');
  const users = await panel('Users');
  await user.type(within(users).getByLabelText('User name'), 'olga');
  await user.click(within(users).getByRole('button', { name: 'Add user' }));
  const row = await within(users).findByRole('row', { name: /olga/ });
  expect(mock.sent.map(({ call, body }) => [call, body])).toEqual([
    ['POST /api/v1/users', { name: 'olga' }],
    ['PUT /api/v1/tenants/default/members/olga', { role: 'consumer' }],
  ]);
  await user.click(within(row).getByRole('button', { name: 'Make sign-in link' }));
  expect((await within(users).findByText(/sign-in#token=osc_link_olga/)).textContent).toMatch(/^http/);
});

test('limits are what the server says', async () => {
  renderPage(<Settings />, '/settings', '/settings');
  const about = await panel('About');
  expect(about.textContent).toContain('At most 5 at once and 4 MB each');
});
