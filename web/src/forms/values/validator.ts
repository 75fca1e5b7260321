// Validation for generated forms without generated code: the console's content security policy forbids `new Function`.
import { Validator, type OutputUnit, type Schema } from '@cfworker/json-schema';
import {
  ErrorSchemaBuilder,
  type ErrorSchema,
  type RJSFSchema,
  type RJSFValidationError,
  type ValidatorType,
} from '@rjsf/utils';

import { translator, type TextKey, type Translate } from '~/i18n';

export type ValueError = { path: (string | number)[]; message: string };

/** Leaves say what is wrong; applicators only repeat that something below them is. */
const applicators = new Set([
  'properties',
  'items',
  'additionalProperties',
  'patternProperties',
  'prefixItems',
  'allOf',
  'if',
  '$ref',
  'then',
  'else',
  'dependentSchemas',
  'additionalItems',
  'unevaluatedProperties',
  'unevaluatedItems',
  'contains',
]);

const texts: Record<string, TextKey> = {
  required: 'common.required',
  type: 'invalid.type',
  minimum: 'invalid.minimum',
  maximum: 'invalid.maximum',
  exclusiveMinimum: 'invalid.exclusiveMinimum',
  exclusiveMaximum: 'invalid.exclusiveMaximum',
  minLength: 'invalid.minLength',
  maxLength: 'invalid.maxLength',
  pattern: 'invalid.pattern',
  enum: 'invalid.enum',
  const: 'invalid.const',
  minItems: 'invalid.minItems',
  maxItems: 'invalid.maxItems',
  uniqueItems: 'invalid.uniqueItems',
  multipleOf: 'invalid.multipleOf',
  format: 'invalid.format',
  oneOf: 'invalid.choice',
  anyOf: 'invalid.choice',
  false: 'invalid.unknown',
};

const parts = (location: string) =>
  location
    .replace(/^#\/?/, '')
    .split('/')
    .filter(Boolean)
    .map((part) => decodeURIComponent(part).replace(/~1/g, '/').replace(/~0/g, '~'));

const pathOf = (location: string): (string | number)[] =>
  parts(location).map((part) => (/^\d+$/.test(part) ? Number(part) : part));

/** What stands at a keyword's place in the schema, along references inside it; undefined when it cannot be found. */
function limitAt(schema: RJSFSchema, location: string): unknown {
  const step = (node: unknown, part: string): unknown =>
    typeof node === 'object' && node !== null ? (node as Record<string, unknown>)[part] : undefined;
  let node: unknown = schema;
  for (const part of parts(location)) {
    const next = step(node, part);
    const reference = part === '$ref' && typeof next === 'string' && next.startsWith('#');
    node = reference ? parts(next).reduce(step, schema as unknown) : next;
  }
  return node;
}

function errorOf(
  schema: RJSFSchema,
  { keyword, keywordLocation, instanceLocation, error }: OutputUnit,
  t: Translate,
) {
  const path = pathOf(instanceLocation);
  const limit = limitAt(schema, keywordLocation);
  if (keyword === 'required') {
    // Said at the field that is missing, not at what it is missing from.
    const name = /"(.+)"/.exec(error)?.[1];
    return { path: name === undefined ? path : [...path, name], message: t('common.required') };
  }
  if (keyword === 'minLength' && limit === 1) return { path, message: t('common.required') };
  const shown = Array.isArray(limit) ? limit.map(String).join(', ') : String(limit);
  const key = limit === undefined && keyword !== 'false' ? undefined : texts[keyword];
  return { path, message: t(key ?? 'invalid.other', { limit: shown.slice(0, 200) }) };
}

/** Drops what lies below a failed `oneOf` or `anyOf`: which branch was meant is not known. */
function leaves(units: OutputUnit[]): OutputUnit[] {
  const choices = units.filter((unit) => unit.keyword === 'oneOf' || unit.keyword === 'anyOf');
  return units.filter(
    (unit) =>
      !applicators.has(unit.keyword) &&
      !choices.some(
        (choice) => choice !== unit && unit.keywordLocation.startsWith(`${choice.keywordLocation}/`),
      ),
  );
}

/** What is wrong with values, by path; empty when they fit the schema. A schema that cannot be read finds nothing. */
export function errorsOf(schema: RJSFSchema, values: unknown, t: Translate): ValueError[] {
  try {
    const result = new Validator(schema as Schema, '7', false).validate(values);
    return leaves(result.errors).map((unit) => errorOf(schema, unit, t));
  } catch {
    return []; // the server validates again with the package's own schema and names what it finds
  }
}

function isValid(schema: RJSFSchema, values: unknown, rootSchema?: RJSFSchema): boolean {
  try {
    const whole = { ...schema, definitions: rootSchema?.definitions, $defs: rootSchema?.$defs } as Schema;
    return new Validator(whole, '7', true).validate(values).valid;
  } catch {
    return false;
  }
}

/** The form library's validator, speaking the language of `t`. */
export const validatorFor = (t: Translate): ValidatorType => ({
  validateFormData(formData, schema) {
    const builder = new ErrorSchemaBuilder();
    const errors: RJSFValidationError[] = errorsOf(schema, formData, t).map(({ path, message }) => {
      builder.addErrors(message, path.map(String));
      return { message, property: `.${path.join('.')}`, stack: message };
    });
    return { errors, errorSchema: builder.ErrorSchema as ErrorSchema };
  },
  isValid: (schema, formData, rootSchema) => isValid(schema, formData, rootSchema),
  rawValidation: (schema, formData) => ({ errors: errorsOf(schema, formData, t) as never[] }),
});

/** For where nobody reads the messages. */
export const validator = validatorFor(translator('en-US'));
