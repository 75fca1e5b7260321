import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';

import { fakeEvents } from '~/testing/events';
import { renderPart } from '~/testing/render';

import { LogsTab } from './LogsTab';

const user = userEvent.setup({ delay: null });
const log = () => screen.getByLabelText('Logs').textContent;

test('lines appear as they come, through a lost connection, until the container ends', async () => {
  const events = fakeEvents();
  renderPart(<LogsTab id="1" />);
  await waitFor(() => expect(events.all).toHaveLength(1));
  const stream = events.newest();
  expect(stream.url).toBe('/api/v1/instances/1/logs/follow?pod=web-7d9f-x1&container=main&tail=500');
  // Before the first line there is what was asked for once.
  expect(log()).toContain('listening on :8080');
  stream.open();
  stream.send({ text: 'one\n' });
  stream.send({ text: 'two\n' });
  expect(log()).toBe('one\ntwo\n');
  stream.fail();
  expect(screen.getByText('Connection lost, trying again')).toBeDefined();
  stream.open();
  stream.send({ text: 'three\n' });
  expect(log()).toBe('one\ntwo\nthree\n');
  expect(screen.getByText('New lines appear as they come')).toBeDefined();
  stream.end();
  expect(screen.getByText('The container has ended')).toBeDefined();
});

test('another container is another log, and following can be stopped', async () => {
  const events = fakeEvents();
  renderPart(<LogsTab id="1" />);
  await waitFor(() => expect(events.all).toHaveLength(1));
  events.newest().send({ text: 'of main\n' });
  await user.click(screen.getByRole('combobox', { name: 'Container' }));
  await user.click(await screen.findByTitle('proxy'));
  await waitFor(() => expect(events.newest().url).toContain('container=proxy'));
  expect(log()).not.toContain('of main');
  await user.click(screen.getByRole('switch', { name: 'Follow' }));
  expect(events.newest().readyState).toBe(EventSource.CLOSED);
  expect(screen.queryByText('New lines appear as they come')).toBeNull();
});

test('a long log keeps its last lines', async () => {
  const events = fakeEvents();
  renderPart(<LogsTab id="1" />);
  await waitFor(() => expect(events.all).toHaveLength(1));
  events.newest().send({ text: Array.from({ length: 6000 }, (_, i) => `line ${i}\n`).join('') });
  expect(log()).toContain('line 5999\n');
  expect(log()).not.toContain('line 999\n');
  vi.unstubAllGlobals();
});
