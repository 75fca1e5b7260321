import { expect, test } from 'vitest';

import { errorsOf } from './validator';

const schema = {
  type: 'object' as const,
  required: ['name'],
  properties: {
    name: { type: 'string' as const, minLength: 1 },
    port: { oneOf: [{ type: 'integer' as const }, { type: 'string' as const, pattern: '^[a-z]+$' }] },
    list: { type: 'array' as const, items: { type: 'integer' as const, minimum: 1 } },
  },
};

test('values that fit have no errors', () => {
  expect(errorsOf(schema, { name: 'a', port: 80, list: [1] })).toEqual([]);
});

test('an error names the place and only the leaf', () => {
  const found = errorsOf(schema, { name: 'a', list: [0] });
  expect(found.map((error) => error.path)).toEqual([['list', 0]]);
});

test('a failed choice is one error', () => {
  expect(errorsOf(schema, { name: 'a', port: true })).toHaveLength(1);
});

test('what is missing is said', () => {
  expect(errorsOf(schema, {})[0]?.message).toContain('name');
});

test('a schema nobody can read finds nothing', () => {
  expect(errorsOf({ $ref: '#/nowhere' }, {})).toEqual([]);
});
