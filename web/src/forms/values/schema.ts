// From a package's JSON Schema to one that the form library can show: what it has no control for gets one.
import { isObject, type Json, type JsonObject } from '~/util/changes';

/** Marks a value of which nothing is said: it is edited as YAML. */
export const ANY = 'x-osc-any';

/** Keywords by which the form library knows what to show. */
const telling = ['type', 'enum', 'const', 'properties', 'additionalProperties', 'patternProperties', '$ref'];
const choices = ['oneOf', 'anyOf', 'allOf'] as const;
const maps = ['properties', 'definitions', '$defs', 'patternProperties'] as const;

const isText = (type: Json | undefined) =>
  Array.isArray(type) && type.includes('string') && (type.includes('integer') || type.includes('number'));

/** `type: [integer, string]` and `x-kubernetes-int-or-string` are one control, not a choice between two. */
export const isIntOrString = (schema: JsonObject) =>
  isText(schema['type']) || schema['x-kubernetes-int-or-string'] === true;

/** A list or map that the package's form wants edited as YAML; a text of YAML stays a text. */
const isYaml = ({ type, 'x-osc': hint }: JsonObject) =>
  isObject(hint) && hint['widget'] === 'yaml' && (type === 'array' || type === 'object');

/** What is said of a value beside its shape. */
const said = ['title', 'description', 'default', 'x-osc'] as const;

/** The same schema with a type everywhere; nothing is made stricter. */
export function shownSchema(schema: JsonObject, depth = 0): JsonObject {
  if (depth > 24) return schema;
  if (isYaml(schema)) {
    const kept = said.flatMap((key) => (schema[key] === undefined ? [] : [[key, schema[key]] as const]));
    return { ...Object.fromEntries(kept), [ANY]: true };
  }
  const below = (value: Json | undefined) => (isObject(value) ? shownSchema(value, depth + 1) : value);
  const result: JsonObject = { ...schema };
  for (const key of maps) {
    const map = schema[key];
    if (!isObject(map)) continue;
    result[key] = Object.fromEntries(
      Object.entries(map).map(([name, child]) => [name, below(child) ?? child]),
    );
  }
  for (const key of ['items', 'additionalProperties'] as const) {
    const child = below(schema[key]);
    if (child !== undefined) result[key] = child;
  }
  if (isIntOrString(schema)) {
    // Text first: the form library takes the first type, and a text control passes both.
    for (const key of choices) delete result[key];
    return { ...result, type: ['string', 'integer'] };
  }
  for (const key of choices) {
    const options = schema[key];
    if (Array.isArray(options)) result[key] = options.map((option) => below(option) ?? option);
  }
  const silent = ![...telling, ...choices, 'items'].some((key) => key in schema);
  return silent ? { ...result, [ANY]: true } : result;
}
