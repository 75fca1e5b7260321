import { expect, test } from 'vitest';

import { shownSchema } from './schema';

test('a value of which nothing is said is marked, at any depth', () => {
  const shown = shownSchema({
    properties: { a: { items: { title: 'x' } }, b: { additionalProperties: {} } },
  });
  expect(shown).toEqual({
    properties: {
      a: { items: { title: 'x', 'x-osc-any': true } },
      b: { additionalProperties: { 'x-osc-any': true } },
    },
  });
});

test('a list that is edited as YAML keeps what is said of it, a text of YAML stays a text', () => {
  const hint = { 'x-osc': { widget: 'yaml' } };
  const list = { title: 'Env', type: 'array', items: { type: 'object' }, default: [], ...hint };
  expect(shownSchema(list)).toEqual({ title: 'Env', default: [], ...hint, 'x-osc-any': true });
  expect(shownSchema({ type: 'string', ...hint })).toEqual({ type: 'string', ...hint });
});

test('an integer or string is one control', () => {
  const both = { type: ['string', 'integer'] };
  expect(shownSchema({ type: ['integer', 'string'] })).toEqual(both);
  expect(
    shownSchema({ 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] }),
  ).toEqual({ 'x-kubernetes-int-or-string': true, ...both });
});

test('what says its type stays as it is', () => {
  const schema = {
    type: 'object',
    properties: { a: { enum: [1] }, b: { $ref: '#/x' }, c: { type: 'string' } },
  };
  expect(shownSchema(schema)).toEqual(schema);
});
