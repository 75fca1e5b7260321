// Validation for generated forms without generated code: the console's content security policy forbids `new Function`.
import { Validator, type OutputUnit, type Schema } from '@cfworker/json-schema';
import {
  ErrorSchemaBuilder,
  type ErrorSchema,
  type RJSFSchema,
  type RJSFValidationError,
  type ValidatorType,
} from '@rjsf/utils';

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

function pathOf(location: string): (string | number)[] {
  return location
    .replace(/^#\/?/, '')
    .split('/')
    .filter(Boolean)
    .map((part) => decodeURIComponent(part).replace(/~1/g, '/').replace(/~0/g, '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
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
export function errorsOf(schema: RJSFSchema, values: unknown): ValueError[] {
  try {
    const result = new Validator(schema as Schema, '7', false).validate(values);
    return leaves(result.errors).map((unit) => ({
      path: pathOf(unit.instanceLocation),
      message: unit.error,
    }));
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

export const validator: ValidatorType = {
  validateFormData(formData, schema) {
    const builder = new ErrorSchemaBuilder();
    const errors: RJSFValidationError[] = errorsOf(schema, formData).map(({ path, message }) => {
      builder.addErrors(message, path.map(String));
      return { message, property: `.${path.join('.')}`, stack: message };
    });
    return { errors, errorSchema: builder.ErrorSchema as ErrorSchema };
  },
  isValid: (schema, formData, rootSchema) => isValid(schema, formData, rootSchema),
  rawValidation: (schema, formData) => ({ errors: errorsOf(schema, formData) as never[] }),
};
