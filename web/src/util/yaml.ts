// YAML in both directions for the values editor, with places for errors.
import type { Diagnostic } from '@codemirror/lint';
import { LineCounter, parseDocument, stringify, type Document } from 'yaml';

import { isObject, type Json, type JsonObject } from './changes';

export type ParsedYaml = { values: JsonObject | null; problems: Diagnostic[]; document: Document };

const options = { version: '1.1', merge: true, maxAliasCount: 50, prettyErrors: false } as const;

/** Reads values as Helm does (YAML 1.1); `values` is null when they are not a map. */
export function parseValues(text: string): ParsedYaml {
  const document = parseDocument(text, { ...options, lineCounter: new LineCounter() });
  const problems: Diagnostic[] = document.errors.map((error) => ({
    from: error.pos[0],
    to: Math.max(error.pos[1], error.pos[0] + 1),
    severity: 'error',
    message: error.message,
  }));
  if (problems.length > 0) return { values: null, problems, document };
  try {
    const value = document.toJS({ maxAliasCount: 50 }) as Json | undefined;
    if (value === null || value === undefined) return { values: {}, problems, document };
    if (isObject(value)) return { values: value, problems, document };
    problems.push({
      from: 0,
      to: Math.min(text.length, 1),
      severity: 'error',
      message: 'a map of values is wanted',
    });
  } catch (error) {
    problems.push({ from: 0, to: Math.min(text.length, 1), severity: 'error', message: String(error) });
  }
  return { values: null, problems, document };
}

/** Reads any single value; nothing at all is null. */
export function parseAny(text: string): { value: Json; problem: null } | { value: null; problem: string } {
  const document = parseDocument(text, options);
  const [error] = document.errors;
  if (error) return { value: null, problem: error.message };
  try {
    return { value: (document.toJS({ maxAliasCount: 50 }) ?? null) as Json, problem: null };
  } catch (thrown) {
    return { value: null, problem: String(thrown) };
  }
}

/** Where a path lies in a document's text; the nearest parent when the path itself is not written. */
export function placeOf(document: Document, path: (string | number)[]): { from: number; to: number } {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
      const [from, to] = node.range as [number, number];
      return { from, to: Math.max(to, from + 1) };
    }
  }
  return { from: 0, to: 1 };
}

export const yamlOf = (value: Json): string =>
  isObject(value) && Object.keys(value).length === 0
    ? ''
    : stringify(value, { version: '1.1', lineWidth: 100 });
