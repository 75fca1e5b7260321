import { expect, test } from 'vitest';

import { translator } from '~/i18n';

import { errorsOf as errorsIn } from './validator';

const errorsOf = (schema: Parameters<typeof errorsIn>[0], values: unknown) =>
  errorsIn(schema, values, translator('en-US'));

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
  expect(errorsOf(schema, {})).toEqual([{ path: ['name'], message: 'This is needed' }]);
});

test('a schema nobody can read finds nothing', () => {
  expect(errorsOf({ $ref: '#/nowhere' }, {})).toEqual([]);
});

test('the limit is said, along references and in the language of the page', () => {
  const withReference = {
    definitions: { port: { type: 'integer' as const, maximum: 65535 } },
    properties: { port: { $ref: '#/definitions/port' } },
  };
  expect(errorsOf(withReference, { port: 70000 })[0]?.message).toBe('At most 65535');
  expect(errorsIn(withReference, { port: 'x' }, translator('zh-CN'))[0]?.message).toBe('类型必须是 integer');
});
