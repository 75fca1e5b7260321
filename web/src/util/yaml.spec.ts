import { expect, test } from 'vitest';

import { parseValues, placeOf, yamlOf } from './yaml';

test('values are read as YAML 1.1 and written so that they read the same', () => {
  expect(parseValues('on: yes\nmode: 0644').values).toEqual({ true: true, mode: 420 });
  const values = { a: 'yes', b: '1', c: [1, 'x'], d: { e: null } };
  expect(parseValues(yamlOf(values)).values).toEqual(values);
});

test('an error has a place', () => {
  const { values, problems } = parseValues('a: 1\nb: [');
  expect(values).toBeNull();
  expect(problems[0]?.from).toBeGreaterThan(4);
});

test('a list is not a map of values', () => {
  expect(parseValues('- a').problems[0]?.message).toContain('map');
});

test('the place of a path is its value, or the nearest parent', () => {
  const { document } = parseValues('image:\n  tag: x\n');
  expect(placeOf(document, ['image', 'tag'])).toEqual({ from: 14, to: 15 });
  expect(placeOf(document, ['image', 'pull']).from).toBe(9);
});

test('an alias bomb is refused', () => {
  const bomb = [
    'a: &a [x]',
    ...'bcdefgh'.split('').map((k, i) => `${k}: &${k} [${`*${'abcdefgh'[i]},`.repeat(9)}]`),
  ];
  expect(parseValues(bomb.join('\n')).values).toBeNull();
});
