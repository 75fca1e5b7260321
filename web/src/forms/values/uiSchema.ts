// From the annotations of an `osc.form/v1` schema to the hints that the form library understands.
import type { RJSFSchema, UiSchema } from '@rjsf/utils';

import type { JsonObject } from '~/util/changes';

import { ANY, isIntOrString } from './schema';

type Hint = { widget?: string; order?: number; advanced?: boolean };

const hintOf = (schema: RJSFSchema): Hint => {
  const hint: unknown = (schema as Record<string, unknown>)['x-osc'];
  return typeof hint === 'object' && hint !== null ? (hint as Hint) : {};
};

function widgetOf(schema: RJSFSchema, hint: Hint): UiSchema {
  const json = schema as JsonObject; // a schema is JSON
  if (ANY in schema) return { 'ui:field': 'AnyField' };
  if (isIntOrString(json)) return { 'ui:widget': 'IntOrStringWidget' };
  // A constant is nothing to choose; the option that it belongs to brings it along.
  if ('const' in schema) return { 'ui:widget': 'hidden' };
  switch (hint.widget) {
    case 'password':
      return { 'ui:widget': 'PasswordWidget' };
    case 'textarea':
    case 'yaml':
      return { 'ui:widget': 'TextareaWidget' };
    case 'quantity':
      return { 'ui:widget': 'QuantityWidget' };
    case 'storage-class':
    case 'secret':
    case 'namespace':
      return { 'ui:widget': 'PickerWidget', 'ui:options': { picker: hint.widget } };
    default:
      if (schema.type === 'boolean') return { 'ui:widget': 'CheckboxWidget' };
      if (schema.type === 'integer' || schema.type === 'number')
        return schema.enum ? {} : { 'ui:widget': 'UpDownWidget' };
      return {};
  }
}

/** Hints for a schema and all below it; `$ref`s are left to the library. */
export function uiSchemaOf(schema: RJSFSchema, depth = 0): UiSchema {
  if (depth > 24) return {};
  const result: UiSchema = widgetOf(schema, hintOf(schema));
  const properties = Object.entries(schema.properties ?? {}).filter(
    (entry): entry is [string, RJSFSchema] => typeof entry[1] === 'object',
  );
  if (properties.length > 0) {
    const order = properties
      .map(([name, child], index) => ({ name, rank: hintOf(child).order ?? index }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ name }) => name);
    result['ui:order'] = [...order, '*'];
    for (const [name, child] of properties) result[name] = uiSchemaOf(child, depth + 1);
  }
  if (schema.items && typeof schema.items === 'object' && !Array.isArray(schema.items)) {
    result.items = uiSchemaOf(schema.items as RJSFSchema, depth + 1);
  }
  for (const key of ['oneOf', 'anyOf'] as const) {
    // The chosen option lies open: choosing it was the wish to fill it in.
    const options = schema[key]?.map((option) =>
      typeof option === 'object' ? { ...uiSchemaOf(option, depth + 1), 'ui:options': { open: true } } : {},
    );
    if (options) result[key] = options;
  }
  if (schema.additionalProperties && typeof schema.additionalProperties === 'object') {
    result.additionalProperties = uiSchemaOf(schema.additionalProperties as RJSFSchema, depth + 1);
  }
  return result;
}
