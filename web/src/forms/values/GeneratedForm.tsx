// The form of an `osc.form/v1` document.
import { SearchOutlined } from '@ant-design/icons';
import { withTheme } from '@rjsf/core';
import { englishStringTranslator, TranslatableString, type RJSFSchema } from '@rjsf/utils';
import { Input, Switch } from 'antd';
import { useDeferredValue, useMemo, useState } from 'react';

import { translator, useLanguage, useText } from '~/i18n';
import { isObject, type Json, type JsonObject } from '~/util/changes';

import { AnyField } from './AnyField';
import { shownFields, type Fields, type Wish } from './fields';
import { shownSchema } from './schema';
import { templates } from './templates';
import { uiSchemaOf } from './uiSchema';
import { validatorFor } from './validator';
import { widgets, type FormContext } from './widgets';

const ThemedForm = withTheme({ templates, widgets, fields: { AnyField } });

/** A new entry of a map starts empty; the library's other texts are in templates of ours. */
const textOf = (text: TranslatableString, values?: string[]) =>
  text === TranslatableString.NewStringDefault ? '' : englishStringTranslator(text, values);

/** Below as many fields there is nothing to search. */
const FEW = 8;

/** The same each time, so that nothing is worked out again. */
const NONE = {};

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
  defaults = NONE,
  disabled = false,
  choices = NONE,
}: Props) {
  const t = useText();
  const language = useLanguage();
  const [wish, setWish] = useState<Wish>({ query: '', advanced: false });
  const asked = useDeferredValue(wish);
  const validator = useMemo(() => validatorFor(translator(language)), [language]);
  const shown = useMemo(() => shownSchema(schema) as RJSFSchema, [schema]);
  const uiSchema = useMemo(
    () => ({ ...uiSchemaOf(shown), 'ui:submitButtonOptions': { norender: true } }),
    [shown],
  );
  const fields = useMemo(
    () => shownFields(shown as JsonObject, values, defaults, asked),
    [shown, values, defaults, asked],
  );
  const formContext = useMemo(
    () => ({ choices, defaults, shows: fields.shows, wish: asked }),
    [choices, defaults, fields, asked],
  );
  const form = (
    <ThemedForm
      tagName="div"
      schema={shown}
      uiSchema={uiSchema}
      formData={values}
      formContext={formContext}
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
  if (fields.all <= FEW) return form;
  return (
    <>
      <Tools wish={wish} onWish={setWish} fields={fields} />
      {fields.hidden === fields.all && <p className="osc-muted">{t('form.nothingFound')}</p>}
      {form}
    </>
  );
}

type ToolsProps = { wish: Wish; onWish: (wish: Wish) => void; fields: Fields };

/** Finding one of many fields, and those that few need. */
function Tools({ wish, onWish, fields }: ToolsProps) {
  const t = useText();
  const searching = wish.query.trim() !== '';
  return (
    <div className="osc-form-tools">
      <Input
        allowClear
        prefix={<SearchOutlined aria-hidden />}
        placeholder={t('form.search', { count: fields.all })}
        aria-label={t('form.searchLabel')}
        value={wish.query}
        onChange={(event) => onWish({ ...wish, query: event.target.value })}
      />
      {searching ? (
        <span className="osc-muted osc-small" role="status">
          {t('form.found', { count: fields.all - fields.hidden, all: fields.all })}
        </span>
      ) : (
        (fields.hidden > 0 || wish.advanced) && (
          <label className="osc-row">
            <Switch
              size="small"
              checked={wish.advanced}
              onChange={(advanced) => onWish({ ...wish, advanced })}
            />
            {t('form.advanced')}
            {fields.hidden > 0 && (
              <span className="osc-muted osc-small">{t('form.hidden', { count: fields.hidden })}</span>
            )}
          </label>
        )
      )}
    </div>
  );
}
