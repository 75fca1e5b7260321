import { expect, test } from 'vitest';

import type { JsonObject } from '~/util/changes';

import { shownFields } from './fields';

const advanced = { advanced: true };
const schema: JsonObject = {
  required: ['affinity'],
  definitions: { port: { type: 'integer', title: 'Port of the service' } },
  properties: {
    auth: {
      title: 'Authentication',
      properties: {
        password: { type: 'string', description: 'A random one when empty' },
        plugin: { type: 'string', 'x-osc': advanced },
      },
    },
    port: { $ref: '#/definitions/port' },
    affinity: { type: 'object', 'x-osc': advanced },
    probes: { 'x-osc': advanced, properties: { delay: { type: 'integer' }, period: { type: 'integer' } } },
    hosts: { type: 'array', items: { properties: { address: { type: 'string' } } } },
  },
};
const defaults: JsonObject = { auth: { plugin: 'none' }, probes: { delay: 1, period: 2 } };
const paths = [
  ['auth'],
  ['auth', 'password'],
  ['auth', 'plugin'],
  ['port'],
  ['affinity'],
  ['probes'],
  ['probes', 'delay'],
  ['hosts'],
];

function shown(wish: { query?: string; advanced?: boolean }, values: JsonObject = defaults) {
  const fields = shownFields(schema, values, defaults, { query: '', advanced: false, ...wish });
  return paths.filter(fields.shows).map((path) => path.join('.'));
}

test('advanced fields at their defaults are left out, needed ones are not', () => {
  expect(shown({})).toEqual(['auth', 'auth.password', 'port', 'affinity', 'hosts']);
  const fields = shownFields(schema, defaults, defaults, { query: '', advanced: false });
  expect([fields.all, fields.hidden]).toEqual([7, 3]);
});

test('they are there when asked for, or when they differ', () => {
  expect(shown({ advanced: true })).toHaveLength(paths.length);
  const changed = { auth: { plugin: 'x' }, probes: { delay: 5, period: 2 } };
  expect(shown({}, changed)).toContain('auth.plugin');
  expect(shown({}, changed)).toContain('probes.delay');
});

test('a search looks at names, titles and help, and shows what they lie in', () => {
  expect(shown({ query: 'RANDOM' })).toEqual(['auth', 'auth.password']);
  expect(shown({ query: 'auth plug' })).toEqual(['auth', 'auth.plugin']);
  expect(shown({ query: 'probes.delay' })).toEqual(['probes', 'probes.delay']);
  expect(shown({ query: 'of the service' })).toEqual(['port']);
  expect(shown({ query: 'address' })).toEqual(['hosts']);
  expect(shown({ query: 'nothing' })).toEqual([]);
});

test('what lies in a list is shown with it', () => {
  const { shows } = shownFields(schema, defaults, defaults, { query: 'hosts', advanced: false });
  expect(shows(['hosts', 0, 'address'])).toBe(true);
  expect(shows(['port', 0])).toBe(false);
});
