// From the annotations of an `osc.form/v1` schema to the hints that the form library understands.
import type { RJSFSchema, UiSchema } from '@rjsf/utils';

type Hint = { widget?: string; order?: number; advanced?: boolean };

const hintOf = (schema: RJSFSchema): Hint => {
  const hint: unknown = (schema as Record<string, unknown>)['x-osc'];
  return typeof hint === 'object' && hint !== null ? (hint as Hint) : {};
};

/** `type: [integer, string]` and `x-kubernetes-int-or-string` are one control, not a choice between two. */
function isIntOrString(schema: RJSFSchema): boolean {
  const types: unknown = schema.type;
  const listed =
    Array.isArray(types) &&
    types.includes('string') &&
    (types.includes('integer') || types.includes('number'));
  return listed || (schema as Record<string, unknown>)['x-kubernetes-int-or-string'] === true;
}

function widgetOf(schema: RJSFSchema, hint: Hint): UiSchema {
  if (isIntOrString(schema)) return { 'ui:widget': 'IntOrStringWidget' };
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
  if (schema.additionalProperties && typeof schema.additionalProperties === 'object') {
    result.additionalProperties = uiSchemaOf(schema.additionalProperties as RJSFSchema, depth + 1);
  }
  return result;
}
