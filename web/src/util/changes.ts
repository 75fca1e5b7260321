// Differences between values and defaults: what a form submits is only what differs.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Equal as JSON, whatever the order of keys. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, i) => sameJson(item, b[i]));
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => key in b && sameJson(a[key], b[key]));
  }
  return false;
}

/**
 * What must be laid over `defaults` to get `values`: maps by key, lists whole, a key that was removed as null.
 * Undefined when nothing differs.
 */
export function overridesOf(values: Json | undefined, defaults: Json | undefined): Json | undefined {
  if (sameJson(values, defaults)) return undefined;
  if (!isObject(values) || !isObject(defaults)) return values;
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(values)) {
    const difference = key in defaults ? overridesOf(value, defaults[key]) : value;
    if (difference !== undefined) result[key] = difference;
  }
  for (const key of Object.keys(defaults)) {
    if (!(key in values) && defaults[key] !== null) result[key] = null;
  }
  return Object.keys(result).length === 0 ? undefined : result;
}

/** Lays overrides over defaults as Helm does: maps merge, null removes, everything else replaces. */
export function merged(defaults: Json | undefined, overrides: Json | undefined): Json | undefined {
  if (overrides === undefined) return defaults;
  if (!isObject(defaults) || !isObject(overrides)) return overrides;
  const result: JsonObject = { ...defaults };
  for (const [key, value] of Object.entries(overrides)) {
    if (value === null) delete result[key];
    else result[key] = merged(defaults[key], value) as Json;
  }
  return result;
}

/**
 * What a form hands back, as JSON: a field that was emptied is an empty text where the default is a text, else it is
 * left out, so that it differs from its default. An entry that was not `shown` before is new and stays, still empty.
 */
export function emptied(values: unknown, defaults: Json | undefined, shown?: Json): Json {
  if (Array.isArray(values)) {
    const at = (list: Json | undefined, index: number) => (Array.isArray(list) ? list[index] : undefined);
    return values.map((item, index) => emptied(item, at(defaults, index), at(shown, index)));
  }
  if (!isObject(values)) return (values ?? null) as Json; // the form holds JSON but for what is undefined
  const at = (map: Json | undefined, key: string) => (isObject(map) ? map[key] : undefined);
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(values as Record<string, unknown>)) {
    const isNew = isObject(shown) && !(key in shown);
    if (value !== undefined) result[key] = emptied(value, at(defaults, key), at(shown, key));
    else if (isNew || typeof at(defaults, key) === 'string') result[key] = '';
  }
  return result;
}

export type Change = { path: string; before: Json | undefined; after: Json | undefined };

/** A row for each leaf that differs, in the order of the values. */
export function changesOf(before: Json | undefined, after: Json | undefined, path = ''): Change[] {
  if (sameJson(before, after)) return [];
  // A map that is not there is taken as an empty one, so that what it brings is named one by one.
  const maps = [before ?? {}, after ?? {}].every(isObject) && before !== null && after !== null;
  const [from, to] = [isObject(before) ? before : {}, isObject(after) ? after : {}];
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  if (maps && keys.length > 0)
    return keys.flatMap((key) => changesOf(from[key], to[key], path ? `${path}.${key}` : key));
  return [{ path, before, after }];
}

/** A value as a short text; dots when it is a secret or holds one. `secrets` are JSON pointers. */
export function shownValue(value: Json | undefined, path: string, secrets: string[]): string {
  if (value === undefined) return '—';
  const pointer = `/${path.replaceAll('.', '/')}`;
  if (secrets.some((secret) => secret === pointer || secret.startsWith(`${pointer}/`))) return '••••';
  return typeof value === 'string' ? value || '""' : JSON.stringify(value);
}
