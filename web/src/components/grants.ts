// What a plugin asks for and what it is allowed, as a list of single permissions.
import type { TextKey } from '~/i18n';
import { isObject, type Json, type JsonObject } from '~/util/changes';

/** One thing that can be allowed: `{ package: true }`, or one entry of a list such as `{ http: ["api.example.org"] }`. */
export type Permission = { key: string; entry: string | null };

export const idOf = ({ key, entry }: Permission) => (entry === null ? key : `${key} ${entry}`);

/** Permissions in a document of grants, in its order. */
export function permissionsOf(document: unknown): Permission[] {
  if (!isObject(document)) return [];
  return Object.entries(document).flatMap(([key, value]): Permission[] => {
    if (value === true) return [{ key, entry: null }];
    if (!Array.isArray(value)) return [];
    return value.filter((entry) => typeof entry === 'string').map((entry) => ({ key, entry }));
  });
}

/** Which of the requested permissions are allowed; the word `requested` allows all of them. */
export function allowedIds(requested: unknown, grants: unknown): Set<string> {
  const from = grants === 'requested' ? requested : grants;
  const granted = new Set(permissionsOf(from).map(idOf));
  return new Set(
    permissionsOf(requested)
      .filter((permission) => granted.has(idOf(permission)))
      .map(idOf),
  );
}

/** The document that allows exactly these. */
export function grantsOf(permissions: Permission[]): JsonObject {
  const document: JsonObject = {};
  for (const { key, entry } of permissions) {
    if (entry === null) document[key] = true;
    else document[key] = [...((document[key] as Json[] | undefined) ?? []), entry];
  }
  return document;
}

/** What a permission means, in words. */
export function meaningOf({ key, entry }: Permission): [TextKey, { name: string }] {
  const name = entry ?? key;
  switch (key) {
    case 'cluster':
      return [entry === '*' ? 'grant.clusterAll' : 'grant.cluster', { name }];
    case 'http':
      return ['grant.http', { name }];
    case 'kv':
      return ['grant.kv', { name }];
    case 'package':
      return ['grant.package', { name }];
    case 'transform':
      return ['grant.transform', { name }];
    default:
      return ['grant.other', { name: entry === null ? key : `${key}: ${entry}` }];
  }
}
