// Which fields of a form are shown: what is searched for, else all but advanced ones that stand at their defaults.
import { isObject, sameJson, type Json, type JsonObject } from '~/util/changes';

/** What the reader asked to see. */
export type Wish = { query: string; advanced: boolean };

export type Fields = {
  shows: (path: (string | number)[]) => boolean;
  all: number;
  hidden: number;
};

type Node = JsonObject;

const hint = (node: Node, name: string): Json | undefined =>
  isObject(node['x-osc']) ? node['x-osc'][name] : undefined;

const textOf = (value: Json | undefined) => (typeof value === 'string' ? value : '');

export const groupOf = (node: Json | undefined): string =>
  isObject(node) ? textOf(hint(node, 'group')) : '';

/** What stands at a place; a reference inside the document is followed. */
function resolved(root: Node, node: Json | undefined, hops = 0): Node {
  if (!isObject(node)) return {};
  const reference = node['$ref'];
  if (typeof reference !== 'string' || !reference.startsWith('#/') || hops > 8) return node;
  const parts = reference.slice(2).split('/').map(decodeURIComponent);
  const target = parts.reduce<Json | undefined>((at, part) => (isObject(at) ? at[part] : undefined), root);
  return { ...resolved(root, target, hops + 1), ...node };
}

/** Names below a list, a map or a choice, which are one field here. */
function namesBelow(node: Json | undefined, depth = 0): string {
  if (!isObject(node) || depth > 4) return '';
  const { properties, items, additionalProperties, oneOf, anyOf } = node;
  const options = [oneOf, anyOf].flatMap((list) => (Array.isArray(list) ? list : []));
  const own = isObject(properties) ? Object.entries(properties) : [];
  return [
    textOf(node['title']),
    ...own.map(([name, child]) => `${name} ${namesBelow(child, depth + 1)}`),
    ...[items, additionalProperties, ...options].map((child) => namesBelow(child, depth + 1)),
  ].join(' ');
}

/** Fields below these are shown or not as a whole. */
const isLeaf = (node: Node) =>
  !isObject(node['properties']) ||
  Object.keys(node['properties']).length === 0 ||
  node['oneOf'] !== undefined ||
  node['anyOf'] !== undefined;

const at = (map: Json | undefined, name: string) => (isObject(map) ? map[name] : undefined);
const keyOf = (path: (string | number)[]) => JSON.stringify(path);

export function shownFields(root: Node, values: JsonObject, defaults: JsonObject, wish: Wish): Fields {
  const words = wish.query.toLowerCase().split(/\s+/).filter(Boolean);
  const known = new Map<string, boolean>();
  let all = 0;
  let hidden = 0;

  /** `titles` are those of what it lies in; `open` says that what it lies in is shown. */
  const walk = (place: Place, titles: string, open: boolean): boolean => {
    const { path, node, value, normal, required } = place;
    const title = `${textOf(node['title'])} ${groupOf(node)}`;
    const leaf = isLeaf(node) || path.length > 24;
    const kept = words.length > 0 || wish.advanced || required || hint(node, 'advanced') !== true;
    const stays = open && (kept || !sameJson(value, normal));
    let shown = stays;
    if (!leaf) {
      const properties = isObject(node['properties']) ? node['properties'] : {};
      const wanted = Array.isArray(node['required']) ? node['required'] : [];
      const below = Object.entries(properties).map(([name, child]) =>
        walk(
          {
            path: [...path, name],
            node: resolved(root, child),
            value: at(value, name),
            normal: at(normal, name),
            required: wanted.includes(name),
          },
          `${titles} ${title}`,
          stays,
        ),
      );
      shown = below.includes(true) || (stays && words.length === 0);
    } else {
      if (words.length > 0) {
        const help = textOf(node['description']);
        const text = `${path.join('.')} ${titles} ${title} ${help} ${namesBelow(node)}`.toLowerCase();
        shown = words.every((word) => text.includes(word));
      }
      all += 1;
      if (!shown) hidden += 1;
    }
    known.set(keyOf(path), shown);
    return shown;
  };

  walk({ path: [], node: root, value: values, normal: defaults, required: true }, '', true);
  const shows = (path: (string | number)[]) => {
    for (let length = path.length; length > 0; length--) {
      const found = known.get(keyOf(path.slice(0, length)));
      if (found !== undefined) return found;
    }
    return true;
  };
  return { shows, all, hidden };
}

type Place = {
  path: string[];
  node: Node;
  value: Json | undefined;
  normal: Json | undefined;
  required: boolean;
};
