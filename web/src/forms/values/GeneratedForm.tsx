// The form of an `osc.form/v1` document.
import { withTheme } from '@rjsf/core';
import type { RJSFSchema } from '@rjsf/utils';
import { useMemo } from 'react';

import { isObject, type Json, type JsonObject } from '~/util/changes';

import { templates } from './templates';
import { uiSchemaOf } from './uiSchema';
import { validator } from './validator';
import { widgets, type FormContext } from './widgets';

const ThemedForm = withTheme({ templates, widgets });

type Props = {
  schema: JsonObject;
  values: JsonObject;
  onChange: (values: JsonObject) => void;
  disabled?: boolean;
  choices?: FormContext['choices'];
};

/** Edits `values`; defaults are already in them, so none are filled in here. */
export function GeneratedForm({ schema, values, onChange, disabled = false, choices = {} }: Props) {
  const uiSchema = useMemo(
    () => ({ ...uiSchemaOf(schema as RJSFSchema), 'ui:submitButtonOptions': { norender: true } }),
    [schema],
  );
  return (
    <ThemedForm
      tagName="div"
      schema={schema as RJSFSchema}
      uiSchema={uiSchema}
      formData={values}
      formContext={{ choices }}
      validator={validator}
      disabled={disabled}
      liveValidate
      showErrorList={false}
      idPrefix="value"
      experimental_defaultFormStateBehavior={{
        emptyObjectFields: 'skipDefaults',
        arrayMinItems: { populate: 'never' },
      }}
      onChange={(event) => {
        const next: unknown = event.formData;
        onChange(isObject(next) ? (next as { [key: string]: Json }) : {});
      }}
    />
  );
}
