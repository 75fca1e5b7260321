// `osc.form/v1` as the console uses it. The document comes from a package: what is missing or strange reads as empty.
import { isObject, type Json, type JsonObject } from '~/util/changes';

export type FormDocument = {
  json_schema: JsonObject;
  /** Complete defaults of the package. */
  defaults: JsonObject;
  /** JSON pointers of values that are not shown. */
  secrets: string[];
};

export function formOf(document: unknown): FormDocument {
  const fields: Record<string, unknown> = isObject(document) ? document : {};
  const map = (value: unknown) => (isObject(value) ? (value as { [key: string]: Json }) : {});
  const secrets = Array.isArray(fields['secrets']) ? fields['secrets'] : [];
  return {
    json_schema: map(fields['json_schema']),
    defaults: map(fields['defaults']),
    secrets: secrets.filter((item): item is string => typeof item === 'string'),
  };
}
