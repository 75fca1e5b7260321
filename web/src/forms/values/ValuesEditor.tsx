// Values of an instance: a generated form, the same as YAML, and what differs from the defaults.
import type { Diagnostic } from '@codemirror/lint';
import type { RJSFSchema } from '@rjsf/utils';
import { Alert, Collapse, Tabs } from 'antd';
import { useDeferredValue, useMemo, useState } from 'react';

import type { FormDocument } from '~/api/form';
import { translator, useLanguage, useText } from '~/i18n';
import { Chip } from '~/ui/Chip';
import { ChangesTable } from '~/ui/ChangesTable';
import { YamlEditor } from '~/ui/YamlEditor';
import { changesOf, emptied, isObject, merged, overridesOf, type JsonObject } from '~/util/changes';
import { parseValues, placeOf, yamlOf } from '~/util/yaml';

import { GeneratedForm } from './GeneratedForm';
import { errorsOf, type ValueError } from './validator';
import type { FormContext } from './widgets';

/** More problems are counted only. */
const SHOWN = 6;

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
  const judged = useDeferredValue(values);
  const problems = useMemo(
    () => errorsOf(form.json_schema as RJSFSchema, judged, translator(language)),
    [form, judged, language],
  );
  const diagnostics = useMemo(
    () => (tab === 'yaml' ? diagnosticsOf(shownText, problems) : []),
    [tab, shownText, problems],
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
    <>
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
      <Problems problems={problems} />
    </>
  );
}

const asMap = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** What does not fit, so that nobody has to look for it in groups that are folded. */
function Problems({ problems }: { problems: ValueError[] }) {
  const t = useText();
  if (problems.length === 0) return null;
  return (
    <Alert
      // The fields raise the alarm themselves.
      role="status"
      type="warning"
      showIcon
      title={t('values.problems', { count: problems.length })}
      description={
        <ul className="osc-error-list">
          {problems.slice(0, SHOWN).map(({ path, message }) => (
            <li key={`${path.join('.')} ${message}`}>
              {path.length > 0 && <code>{path.join('.')}</code>} {message}
            </li>
          ))}
          {problems.length > SHOWN && <li>{t('instance.more', { count: problems.length - SHOWN })}</li>}
        </ul>
      }
    />
  );
}

function diagnosticsOf(text: string, problems: ValueError[]): Diagnostic[] {
  const parsed = parseValues(text);
  if (!parsed.values) return parsed.problems;
  return problems.map(({ path, message }) => ({
    ...placeOf(parsed.document, path),
    severity: 'error' as const,
    message: `${path.join('.')}: ${message}`,
  }));
}
