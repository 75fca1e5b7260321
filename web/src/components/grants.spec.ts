import { expect, test } from 'vitest';

import { allowedIds, grantsOf, permissionsOf } from './grants';

const requested = { package: true, kv: false, http: ['a.example.org', 'b.example.org'], cluster: ['apps/*'] };

test('each entry of a list is a permission of its own', () => {
  expect(permissionsOf(requested)).toEqual([
    { key: 'package', entry: null },
    { key: 'http', entry: 'a.example.org' },
    { key: 'http', entry: 'b.example.org' },
    { key: 'cluster', entry: 'apps/*' },
  ]);
});

test('a document made from permissions reads the same', () => {
  expect(permissionsOf(grantsOf(permissionsOf(requested)))).toEqual(permissionsOf(requested));
});

test('only what is asked for can be allowed', () => {
  expect([...allowedIds(requested, { http: ['b.example.org', 'c.example.org'] })]).toEqual([
    'http b.example.org',
  ]);
  expect(allowedIds(requested, 'requested').size).toBe(4);
  expect(allowedIds(requested, {}).size).toBe(0);
});
