// Values of an instance: a generated form, the same as YAML, and what differs from the defaults.
import type { Diagnostic } from '@codemirror/lint';
import type { RJSFSchema } from '@rjsf/utils';
import { Collapse, Tabs } from 'antd';
import { useMemo, useState } from 'react';

import type { FormDocument } from '~/api/form';
import { translator, useLanguage, useText, type Translate } from '~/i18n';
import { Chip } from '~/ui/Chip';
import { ChangesTable } from '~/ui/ChangesTable';
import { YamlEditor } from '~/ui/YamlEditor';
import { changesOf, emptied, isObject, merged, overridesOf, type JsonObject } from '~/util/changes';
import { parseValues, placeOf, yamlOf } from '~/util/yaml';

import { GeneratedForm } from './GeneratedForm';
import { errorsOf } from './validator';
import type { FormContext } from './widgets';

type Props = {
  form: FormDocument;
  /** Only what differs from the defaults. */
  overrides: JsonObject;
  onChange: (overrides: JsonObject) => void;
  /** Says whether the YAML can be read; a request with unreadable values must not be sent. */
  onReadable?: (readable: boolean) => void;
  choices?: FormContext['choices'];
};

export function ValuesEditor({ form, overrides, onChange, onReadable, choices }: Props) {
  const t = useText();
  const language = useLanguage();
  const [tab, setTab] = useState('form');
  const [text, setText] = useState<string | null>(null); // what was typed; null while it follows the form
  const values = useMemo(() => asMap(merged(form.defaults, overrides)), [form, overrides]);
  const changes = useMemo(() => changesOf(form.defaults, values), [form, values]);
  const shownText = text ?? yamlOf(overrides);
  const diagnostics = useMemo(
    () => (tab === 'yaml' ? diagnosticsOf(shownText, form, values, translator(language)) : []),
    [tab, shownText, form, values, language],
  );

  const editForm = (next: JsonObject) => {
    setText(null);
    onReadable?.(true);
    onChange(asMap(overridesOf(emptied(next, form.defaults, values), form.defaults)));
  };
  const editText = (next: string) => {
    setText(next);
    const parsed = parseValues(next);
    onReadable?.(parsed.values !== null);
    if (parsed.values) onChange(asMap(overridesOf(merged(form.defaults, parsed.values), form.defaults)));
  };

  return (
    <Tabs
      activeKey={tab}
      onChange={setTab}
      items={[
        {
          key: 'form',
          label: t('values.form'),
          children: (
            <GeneratedForm
              schema={form.json_schema}
              values={values}
              defaults={form.defaults}
              onChange={editForm}
              choices={choices}
            />
          ),
        },
        {
          key: 'yaml',
          label: t('values.yaml'),
          children: (
            <>
              <p className="osc-hint">{t('values.yamlHint')}</p>
              <YamlEditor
                value={shownText}
                onChange={editText}
                diagnostics={diagnostics}
                label={t('values.yaml')}
              />
              <Collapse
                ghost
                items={[
                  {
                    key: 'defaults',
                    label: t('values.defaults'),
                    children: (
                      <YamlEditor value={yamlOf(form.defaults)} label={t('values.defaults')} rows={18} />
                    ),
                  },
                ]}
              />
            </>
          ),
        },
        {
          key: 'changes',
          label: (
            <>
              {t('values.changes')} {changes.length > 0 && <Chip tone="warn">{changes.length}</Chip>}
            </>
          ),
          children: <ChangesTable changes={changes} secrets={form.secrets} empty={t('values.noChanges')} />,
        },
      ]}
    />
  );
}

const asMap = (value: unknown): JsonObject => (isObject(value) ? value : {});

function diagnosticsOf(text: string, form: FormDocument, values: JsonObject, t: Translate): Diagnostic[] {
  const parsed = parseValues(text);
  if (!parsed.values) return parsed.problems;
  return errorsOf(form.json_schema as RJSFSchema, values, t).map(({ path, message }) => ({
    ...placeOf(parsed.document, path),
    severity: 'error' as const,
    message: `${path.join('.')}: ${message}`,
  }));
}
