import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';

import { renderPage } from '~/testing/render';

import Service from './Service';

/** Shows a service; what comes back are the readmes that were asked for. */
function show(name: string): string[] {
  const asked: string[] = [];
  renderPage(<Service />, '/services/:service', `/services/${name}`, (mock) => {
    const { fetch } = mock;
    mock.fetch = (request) => {
      if (request.url.endsWith('/readme')) asked.push(request.url);
      return fetch(request);
    };
  });
  return asked;
}

test('the readme of a version is shown', async () => {
  const asked = show('greeter');
  expect(await screen.findByText('A made-up service of the mock back end.')).toBeDefined();
  expect(asked).toHaveLength(1);
});

test('a version without a readme says so, and none is asked for', async () => {
  const asked = show('courier');
  expect(await screen.findByText('The package has no README')).toBeDefined();
  expect(asked).toEqual([]);
});
