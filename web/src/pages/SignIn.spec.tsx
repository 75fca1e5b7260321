import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test } from 'vitest';

import { renderPage } from '~/testing/render';

import SignIn from './SignIn';

const user = userEvent.setup({ delay: null });
const show = (address: string) => renderPage(<SignIn />, '/sign-in', address);
const address = () => screen.getByLabelText('address').textContent;
const enter = async () => {
  await user.type(screen.getByLabelText('Name'), 'admin');
  await user.type(screen.getByLabelText('Password'), 'secret');
  await user.click(screen.getByRole('button', { name: 'Sign in' }));
};

afterEach(() => {
  window.history.replaceState(null, '', '/');
  sessionStorage.clear();
});

test('signing in goes on to what was asked for', async () => {
  show('/sign-in?next=%2Finstances%3Fstate%3Dfailed&ended=1');
  expect(screen.getByRole('alert').textContent).toContain('Your session has ended');
  await enter();
  await waitFor(() => expect(address()).toBe('/instances?state=failed'));
});

test('nobody can lead elsewhere', async () => {
  show('/sign-in?next=%2F%2Fevil.example.org');
  await enter();
  await waitFor(() => expect(address()).toBe('/'));
});

test('a link that was used or is too old says how to get another', async () => {
  window.history.replaceState(null, '', '/sign-in#token=old');
  show('/sign-in');
  expect((await screen.findByRole('alert')).textContent).toContain('This sign-in link works no more');
  expect(screen.getByText('osc user link <name>')).toBeDefined();
  expect(window.location.hash).toBe('');
});

test('a link opened after a deep link leads there', async () => {
  const { unmount } = show('/sign-in?next=%2Fplans%2F7');
  unmount();
  window.history.replaceState(null, '', '/sign-in#token=fresh');
  show('/sign-in');
  await waitFor(() => expect(address()).toBe('/plans/7'));
});
