// Ant Design controls for generated forms. Each shows its default as placeholder and never invents a value.
import type { RegistryWidgetsType, WidgetProps } from '@rjsf/utils';
import { AutoComplete, Input, InputNumber, Select, Switch } from 'antd';

import { useText } from '~/i18n';
import type { JsonObject } from '~/util/changes';

import type { Wish } from './fields';

export type FormContext = {
  /** Names to pick from, by kind: storage classes, secrets and so on, read from the chosen cluster. */
  choices: Partial<Record<'storage-class' | 'secret' | 'namespace', string[]>>;
  /** What the package sets. */
  defaults: JsonObject;
  /** Whether the field at a path is shown now. */
  shows: (path: (string | number)[]) => boolean;
  /** What it follows from; the form library takes functions for the same when it looks for news. */
  wish: Wish;
};

const empty = (value: string, { schema, options }: WidgetProps) =>
  value === '' && (options.emptyValue !== undefined || schema.default === undefined)
    ? options.emptyValue
    : value;

const common = (props: WidgetProps) => ({
  id: props.id,
  disabled: Boolean(props.disabled) || Boolean(props.readonly),
  'aria-invalid': (props.rawErrors?.length ?? 0) > 0,
  'aria-describedby': `${props.id}__help`,
});

function TextWidget(props: WidgetProps) {
  return (
    <Input
      {...common(props)}
      value={props.value === undefined || props.value === null ? '' : String(props.value)}
      placeholder={props.placeholder || undefined}
      status={props.rawErrors?.length ? 'error' : undefined}
      onChange={(event) => props.onChange(empty(event.target.value, props))}
    />
  );
}

function TextareaWidget(props: WidgetProps) {
  return (
    <Input.TextArea
      {...common(props)}
      className="osc-textarea"
      value={typeof props.value === 'string' ? props.value : ''}
      onChange={(event) => props.onChange(empty(event.target.value, props))}
    />
  );
}

function PasswordWidget(props: WidgetProps) {
  return (
    <Input.Password
      {...common(props)}
      autoComplete="new-password"
      value={typeof props.value === 'string' ? props.value : ''}
      onChange={(event) => props.onChange(empty(event.target.value, props))}
    />
  );
}

function NumberWidget(props: WidgetProps) {
  const integer = props.schema.type === 'integer';
  return (
    <InputNumber
      {...common(props)}
      className="osc-number"
      value={typeof props.value === 'number' ? props.value : null}
      min={props.schema.minimum}
      max={props.schema.maximum}
      precision={integer ? 0 : undefined}
      status={props.rawErrors?.length ? 'error' : undefined}
      onChange={(value) => props.onChange(value === null ? undefined : value)}
    />
  );
}

/** Integer or string, as Kubernetes' ports and percentages: digits alone become a number. */
function IntOrStringWidget(props: WidgetProps) {
  return (
    <Input
      {...common(props)}
      value={props.value === undefined || props.value === null ? '' : String(props.value)}
      onChange={(event) => {
        const text = event.target.value;
        props.onChange(text === '' ? undefined : /^-?\d{1,15}$/.test(text) ? Number(text) : text);
      }}
    />
  );
}

function SwitchWidget(props: WidgetProps) {
  return (
    <Switch
      {...common(props)}
      checked={props.value === true}
      onChange={(checked) => props.onChange(checked)}
    />
  );
}

function SelectWidget(props: WidgetProps) {
  const options = props.options.enumOptions ?? [];
  return (
    <Select
      {...common(props)}
      className="osc-select"
      mode={props.multiple ? 'multiple' : undefined}
      showSearch={options.length > 8}
      allowClear={!props.required}
      value={props.value}
      options={options.map((option) => ({ value: option.value, label: option.label || '""' }))}
      onChange={(value) => props.onChange(value)}
    />
  );
}

const quantities = [
  '100m',
  '250m',
  '500m',
  '1',
  '2',
  '128Mi',
  '256Mi',
  '512Mi',
  '1Gi',
  '8Gi',
  '20Gi',
  '100Gi',
];

function QuantityWidget(props: WidgetProps) {
  return (
    <AutoComplete
      {...common(props)}
      className="osc-select"
      value={props.value === undefined || props.value === null ? '' : String(props.value)}
      options={quantities.map((value) => ({ value }))}
      filterOption={(input, option) => option?.value.toLowerCase().startsWith(input.toLowerCase()) ?? false}
      onChange={(value: string) => props.onChange(value === '' ? undefined : value)}
    />
  );
}

const isKind = (kind: unknown): kind is keyof FormContext['choices'] =>
  kind === 'storage-class' || kind === 'secret' || kind === 'namespace';

/** A name to choose from what the cluster has, or to type. */
function PickerWidget(props: WidgetProps) {
  const t = useText();
  const kind: unknown = props.options.picker;
  const context = props.registry.formContext as Partial<FormContext>;
  const names = (isKind(kind) ? context.choices?.[kind] : undefined) ?? [];
  return (
    <AutoComplete
      {...common(props)}
      className="osc-select"
      value={typeof props.value === 'string' ? props.value : ''}
      placeholder={t('form.pickOrType')}
      options={names.map((value) => ({ value }))}
      onChange={(value: string) => props.onChange(value === '' ? undefined : value)}
    />
  );
}

export const widgets: RegistryWidgetsType = {
  TextWidget,
  TextareaWidget,
  PasswordWidget,
  UpDownWidget: NumberWidget,
  CheckboxWidget: SwitchWidget,
  SelectWidget,
  IntOrStringWidget,
  QuantityWidget,
  PickerWidget,
};
