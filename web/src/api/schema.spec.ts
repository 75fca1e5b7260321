// @vitest-environment node
import { readFileSync } from 'node:fs';

import openapiTS, { astToString } from 'openapi-typescript';
import { format } from 'prettier';
import { expect, test } from 'vitest';

test('the generated types are those of the document: else run `npm run schema`', async () => {
  const types = astToString(
    await openapiTS(readFileSync('openapi.json', 'utf8'), { alphabetize: true, emptyObjectsUnknown: true }),
  );
  const options = JSON.parse(readFileSync('.prettierrc.json', 'utf8')) as object;
  const wanted = await format(types, { ...options, parser: 'typescript' });
  const present = readFileSync('src/api/schema.ts', 'utf8');
  const bare = (text: string) => text.slice(text.indexOf('export interface paths'));
  expect(bare(present) === bare(wanted)).toBe(true);
});
