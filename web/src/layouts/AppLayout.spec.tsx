import { screen, waitFor } from '@testing-library/react';
import { expect, test } from 'vitest';

import { fakeEvents } from '~/testing/events';
import { renderPage } from '~/testing/render';

import AppLayout from './AppLayout';

const show = (address: string, signedOut = false) =>
  renderPage(<AppLayout />, address.split('?')[0] ?? '/', address, (mock) => {
    mock.signedOut = signedOut;
  });

test('a lost connection is said, and everything is asked for again when it is back', async () => {
  const events = fakeEvents();
  const mock = show('/instances');
  await waitFor(() => expect(events.all).toHaveLength(1));
  const stream = events.newest();
  stream.open();
  stream.fail();
  expect(
    await screen.findByText('The connection to the server is lost.', {}, { timeout: 4000 }),
  ).toBeDefined();
  mock.state.clusters = [];
  stream.open();
  await waitFor(() => expect(screen.queryByText('The connection to the server is lost.')).toBeNull());
  // The note about the simulated cluster goes with the cluster.
  await waitFor(() => expect(screen.queryByText(/simulated/i)).toBeNull(), { timeout: 3000 });
});

test('a session that ends leads to the door, and back afterwards', async () => {
  const events = fakeEvents();
  const mock = show('/instances?state=failed');
  await waitFor(() => expect(events.all).toHaveLength(1));
  mock.signedOut = true;
  events.newest().fail(true);
  await waitFor(() =>
    expect(screen.getByLabelText('address').textContent).toBe(
      '/sign-in?next=%2Finstances%3Fstate%3Dfailed&ended=1',
    ),
  );
});

test('a deep link without a session leads to the door and says where to go then', async () => {
  fakeEvents();
  show('/plans/7', true);
  await waitFor(() =>
    expect(screen.getByLabelText('address').textContent).toBe('/sign-in?next=%2Fplans%2F7'),
  );
});
