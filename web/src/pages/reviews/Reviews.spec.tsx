import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';

import { VersionsTable } from '~/pages/catalogue/VersionsTable';
import { renderPage, renderPart } from '~/testing/render';

import Reviews from './Reviews';

const user = userEvent.setup({ delay: null });
const show = () => renderPage(<Reviews />, '/reviews', '/reviews');
const panel = () => screen.findByRole('region', { name: /mailer/ });

test('a reviewer sees what was found and what it may do, and approves', async () => {
  const mock = show();
  const review = within(await panel());
  expect(review.getByLabelText('Permissions').textContent).toContain('secrets');
  expect(review.getByText('`icon` is recommended')).toBeDefined();
  await user.click(review.getByRole('button', { name: 'Approve' }));
  expect(await screen.findByText('Nothing waits for a review')).toBeDefined();
  expect(mock.state.versions.find(({ service }) => service === 'mailer')?.state).toBe('approved');
});

test('a refusal needs a reason', async () => {
  const mock = show();
  await user.click(within(await panel()).getByRole('button', { name: 'Refuse' }));
  const dialog = within(await screen.findByRole('dialog'));
  await user.click(dialog.getByRole('button', { name: 'Refuse' }));
  expect(await dialog.findByText('This is needed')).toBeDefined();
  await user.type(dialog.getByLabelText('Reason'), 'no readme');
  await user.click(dialog.getByRole('button', { name: 'Refuse' }));
  await waitFor(() =>
    expect(mock.state.versions.find(({ service }) => service === 'mailer')?.state_reason).toBe('no readme'),
  );
});

test('the provider takes a version further, others only look', async () => {
  const mock = renderPart(<VersionsTable provider="default" versions={[]} />);
  const versions = mock.state.versions.filter(({ service }) => service === 'greeter');
  mock.unmount();
  const shown = renderPart(<VersionsTable provider="default" versions={versions} />);
  await user.click(await screen.findByRole('button', { name: 'Publish 0.2.0' }));
  await waitFor(() =>
    expect(shown.sent).toEqual([
      { call: 'POST /api/v1/services/greeter/versions/0.2.0/publish', body: undefined },
    ]),
  );
  shown.unmount();
  renderPart(<VersionsTable provider="acme" versions={versions} />);
  expect(await screen.findByText('0.2.0')).toBeDefined();
  expect(screen.queryByRole('button')).toBeNull();
});
