import { expect, test } from 'vitest';

import { changesOf, emptied, merged, overridesOf, shownValue } from './changes';

const defaults = { image: { tag: '1', pull: 'Always' }, ports: [80], on: true };

test('only what differs is sent', () => {
  expect(overridesOf({ image: { tag: '2', pull: 'Always' }, ports: [80], on: true }, defaults)).toEqual({
    image: { tag: '2' },
  });
  expect(overridesOf({ ...defaults }, defaults)).toBeUndefined();
});

test('a list is replaced whole and a removed key becomes null', () => {
  expect(overridesOf({ image: { tag: '1' }, ports: [80, 81], on: true }, defaults)).toEqual({
    image: { pull: null },
    ports: [80, 81],
  });
});

test('laying overrides over defaults gives the values back', () => {
  const values = { image: { tag: '2' }, ports: [], on: false, extra: { a: 1 } };
  expect(merged(defaults, overridesOf(values, defaults))).toEqual(values);
});

test('changes name each leaf', () => {
  expect(changesOf(defaults, { ...defaults, image: { tag: '2', pull: 'Always' } })).toEqual([
    { path: 'image.tag', before: '1', after: '2' },
  ]);
});

test('a map that came or went is named by its leaves', () => {
  expect(changesOf({}, { a: { b: 1, c: {} } })).toEqual([
    { path: 'a.b', before: undefined, after: 1 },
    { path: 'a.c', before: undefined, after: {} },
  ]);
  expect(changesOf({ a: { b: 1 } }, {})).toEqual([{ path: 'a.b', before: 1, after: undefined }]);
  expect(changesOf({ a: null }, { a: { b: 1 } })).toEqual([{ path: 'a', before: null, after: { b: 1 } }]);
});

test('a secret is not shown, nor what holds one', () => {
  const secrets = ['/auth/password'];
  expect(shownValue('x', 'auth.password', secrets)).toBe('••••');
  expect(shownValue({ password: 'x' }, 'auth', secrets)).toBe('••••');
  expect(shownValue('', 'auth.user', secrets)).toBe('""');
  expect(shownValue(undefined, 'auth.password', secrets)).toBe('—');
});

test('an emptied text stays empty, an emptied number is left out', () => {
  const values = { image: { tag: undefined, pull: 'Always' }, ports: [undefined], on: undefined };
  expect(emptied(values, defaults)).toEqual({ image: { tag: '', pull: 'Always' }, ports: [null] });
  expect(emptied({ team: undefined, old: undefined }, {}, { old: '1' })).toEqual({ team: '' });
});
