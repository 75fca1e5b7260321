import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { preferredLanguage, translator } from './i18n';
import { enUS } from './i18n/en-US';
import { zhCN } from './i18n/zh-CN';

const placeholders = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();

test('both languages have the same keys and placeholders', () => {
  expect(Object.keys(zhCN).sort()).toEqual(Object.keys(enUS).sort());
  for (const [key, text] of Object.entries(enUS)) {
    expect([key, placeholders(zhCN[key as keyof typeof zhCN])]).toEqual([key, placeholders(text)]);
  }
});

test('every text is used', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
    (file) => /\.tsx?$/.test(file) && !file.includes('i18n') && !file.endsWith('.spec.ts'),
  );
  const code = files.map((file) => readFileSync(join('src', file), 'utf8')).join('\n');
  // `state.running` may also be put together from a list, as in t(`state.${value}`).
  const unused = Object.keys(enUS).filter((key) => !code.includes(`'${key}'`));
  expect(unused).toEqual([]);
});

test('values are put in, unknown names stay', () => {
  expect(translator('en-US')('confirm.type', { name: 'web' })).toBe('Type web to confirm');
  expect(translator('en-US')('confirm.type')).toContain('{name}');
});

test('a word fits its number', () => {
  const count = (n: number | string) => translator('en-US')('clusters.instances', { count: n });
  expect([0, 1, 2, '50+'].map(count)).toEqual(['0 instances', '1 instance', '2 instances', '50+ instances']);
});

test('a stored language wins over the browser', () => {
  expect(preferredLanguage(null, ['zh-Hans-CN', 'en'])).toBe('zh-CN');
  expect(preferredLanguage('en-US', ['zh-CN'])).toBe('en-US');
});
