// The form of an `osc.form/v1` document.
import { withTheme } from '@rjsf/core';
import { englishStringTranslator, TranslatableString, type RJSFSchema } from '@rjsf/utils';
import { useMemo } from 'react';

import { translator, useLanguage } from '~/i18n';
import { isObject, type Json, type JsonObject } from '~/util/changes';

import { AnyField } from './AnyField';
import { shownSchema } from './schema';
import { templates } from './templates';
import { uiSchemaOf } from './uiSchema';
import { validatorFor } from './validator';
import { widgets, type FormContext } from './widgets';

const ThemedForm = withTheme({ templates, widgets, fields: { AnyField } });

/** A new entry of a map starts empty; the library's other texts are in templates of ours. */
const textOf = (text: TranslatableString, values?: string[]) =>
  text === TranslatableString.NewStringDefault ? '' : englishStringTranslator(text, values);

type Props = {
  schema: JsonObject;
  values: JsonObject;
  /** What the package sets, to reset to. */
  defaults?: JsonObject;
  onChange: (values: JsonObject) => void;
  disabled?: boolean;
  choices?: FormContext['choices'];
};

/** Edits `values`; defaults are already in them, so none are filled in here. */
export function GeneratedForm({
  schema,
  values,
  onChange,
  defaults = {},
  disabled = false,
  choices = {},
}: Props) {
  const language = useLanguage();
  const validator = useMemo(() => validatorFor(translator(language)), [language]);
  const shown = useMemo(() => shownSchema(schema) as RJSFSchema, [schema]);
  const uiSchema = useMemo(
    () => ({ ...uiSchemaOf(shown), 'ui:submitButtonOptions': { norender: true } }),
    [shown],
  );
  return (
    <ThemedForm
      tagName="div"
      schema={shown}
      uiSchema={uiSchema}
      formData={values}
      formContext={{ choices, defaults }}
      validator={validator}
      disabled={disabled}
      liveValidate
      showErrorList={false}
      idPrefix="value"
      translateString={textOf}
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
