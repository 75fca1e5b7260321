import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';

import { renderPage } from '~/testing/render';

import Operation from './Operation';

const user = userEvent.setup({ delay: null });
const show = (state: string) =>
  renderPage(<Operation />, '/operations/:id', '/operations/3', ({ state: { operations } }) => {
    const [newest] = operations;
    const step = { name: 'apply 3 objects', started_at: null, finished_at: null, message: null };
    if (newest) Object.assign(newest, { state, steps: [{ ...step, state: 'started' }] });
  });

test('one that runs is under way, and can be cancelled', async () => {
  const mock = show('running');
  expect(await screen.findByText('in progress')).toBeDefined();
  expect(screen.getByRole('progressbar')).toBeDefined();
  await user.click(screen.getByRole('button', { name: 'Cancel operation' }));
  await waitFor(() =>
    expect(mock.sent.map(({ call }) => call)).toEqual(['POST /api/v1/operations/3/cancel']),
  );
  expect(await screen.findByText('The operation was cancelled')).toBeDefined();
});

test('one that failed goes on from where it stopped', async () => {
  const mock = show('failed');
  await user.click(await screen.findByRole('button', { name: 'Retry' }));
  await waitFor(() => expect(mock.sent.map(({ call }) => call)).toEqual(['POST /api/v1/operations/3/retry']));
});
