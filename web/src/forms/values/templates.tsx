// How generated forms are laid out: label and help at the left edge of each control, groups that fold.
import { DeleteOutlined, DownOutlined, PlusOutlined, UndoOutlined, UpOutlined } from '@ant-design/icons';
import {
  ADDITIONAL_PROPERTY_FLAG,
  getUiOptions,
  type ArrayFieldItemTemplateProps,
  type ArrayFieldTemplateProps,
  type FieldTemplateProps,
  type MultiSchemaFieldTemplateProps,
  type ObjectFieldTemplateProps,
  type ObjectFieldTemplatePropertyType,
  type TemplatesType,
  type WrapIfAdditionalTemplateProps,
} from '@rjsf/utils';
import { Button, Collapse, Input, Tooltip } from 'antd';
import { Fragment, useState } from 'react';

import { useText } from '~/i18n';
import { sameJson, type Json } from '~/util/changes';

import { groupOf } from './fields';
import type { FormContext } from './widgets';

/** What the package sets at a place; what its schema says only where that is nothing. */
function defaultOf({ registry, schema, fieldPathId }: FieldTemplateProps): Json | undefined {
  const { defaults } = registry.formContext as Partial<FormContext>;
  const step = (value: unknown, part: string | number) =>
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined;
  const found = fieldPathId.path.reduce<unknown>(step, defaults);
  return (found === undefined ? schema.default : found) as Json | undefined;
}

function ResetButton(props: FieldTemplateProps) {
  const t = useText();
  const normal = defaultOf(props);
  if (normal === undefined || sameJson(props.formData as Json, normal)) return null;
  const shown = typeof normal === 'string' ? normal : JSON.stringify(normal);
  return (
    <Tooltip
      title={t('form.resetTo', { value: shown.length > 60 ? `${shown.slice(0, 57)}…` : shown || '""' })}
    >
      <Button
        size="small"
        type="text"
        icon={<UndoOutlined aria-hidden />}
        aria-label={t('form.reset')}
        onClick={() => props.onChange(normal, props.fieldPathId.path)}
      />
    </Tooltip>
  );
}

function FieldTemplate(props: FieldTemplateProps) {
  const { id, children, schema, label, required, rawErrors, hidden, displayLabel, registry, uiSchema } =
    props;
  if (hidden) return <div hidden>{children}</div>;
  const WrapIfAdditional = registry.templates.WrapIfAdditionalTemplate;
  const container = schema.type === 'object' || schema.type === 'array';
  const choice = (schema.oneOf ?? schema.anyOf) !== undefined && !registry.schemaUtils.isSelect(schema);
  const labelled = displayLabel !== false || uiSchema?.['ui:field'] === 'AnyField';
  const description = props.rawDescription ?? schema.description;
  const body = choice ? (
    <fieldset className="osc-array">
      <legend>{label}</legend>
      {description && <div className="osc-field-help">{description}</div>}
      {children}
      {rawErrors?.map((error) => (
        <div key={error} role="alert" className="osc-field-error">
          {error}
        </div>
      ))}
    </fieldset>
  ) : container ? (
    <div className="osc-field-group">
      {schema.type === 'array' && (
        <div className="osc-array-reset">
          <ResetButton {...props} />
        </div>
      )}
      {children}
    </div>
  ) : (
    <div className="osc-field" data-invalid={(rawErrors?.length ?? 0) > 0 || undefined}>
      {labelled && (
        <div className="osc-field-label">
          <label htmlFor={id}>
            {label}
            {required && (
              <span aria-hidden="true" className="osc-required">
                *
              </span>
            )}
          </label>
        </div>
      )}
      <div className="osc-field-control">
        <div className="osc-field-row">
          {children}
          <ResetButton {...props} />
        </div>
        <div id={`${id}__help`}>
          {rawErrors?.map((error) => (
            <div key={error} role="alert" className="osc-field-error">
              {error}
            </div>
          ))}
          {description && <div className="osc-field-help">{description}</div>}
        </div>
      </div>
    </div>
  );
  return (
    <WrapIfAdditional {...props} uiSchema={uiSchema}>
      {body}
    </WrapIfAdditional>
  );
}

/** Top-level groups are panels; deeper ones fold inside. Groups that hold an error open by themselves. */
function ObjectFieldTemplate(props: ObjectFieldTemplateProps) {
  const t = useText();
  const root = props.fieldPathId.path.length === 0;
  const hasErrors = Object.keys(props.errorSchema ?? {}).length > 0;
  const [opened, setOpened] = useState(getUiOptions(props.uiSchema).open === true || props.required === true);
  const { shows, wish } = props.registry.formContext as Partial<FormContext>;
  // Groups of what was found lie open.
  const searching = Boolean(wish?.query.trim());
  const shown = props.properties.filter(
    ({ hidden, name }) => !hidden && (shows?.([...props.fieldPathId.path, name]) ?? true),
  );
  const { additionalProperties: extra } = props.schema;
  const canGrow = extra !== undefined && extra !== false;
  const sections = root
    ? sectionsOf(shown, props.schema, { inner: t('form.inner'), rest: t('form.rest') })
    : [{ title: '', properties: shown }];
  const content = (
    <>
      {typeof props.description === 'string' && props.description && !root && (
        <div className="osc-field-help">{props.description}</div>
      )}
      {sections.map(({ title, properties }) => (
        <Fragment key={title}>
          {title && <h3 className="osc-section">{title}</h3>}
          {properties.map(({ name, content }) => (
            <div key={name}>{content}</div>
          ))}
        </Fragment>
      ))}
      {shown.length === 0 && props.properties.length > 0 && !canGrow && !searching && (
        <div className="osc-field-help">{t('form.onlyAdvanced')}</div>
      )}
      {canGrow && (
        <Button
          type="dashed"
          size="small"
          icon={<PlusOutlined aria-hidden />}
          disabled={props.disabled || props.readonly}
          onClick={props.onAddProperty}
        >
          {t('form.addEntry')}
        </Button>
      )}
      {shown.length === 0 && props.optionalDataControl}
    </>
  );
  if (root) return <div className="osc-form-root">{content}</div>;
  // A choice that asks for nothing more, as `none`.
  if (props.properties.every(({ hidden }) => hidden) && !canGrow && !props.optionalDataControl) return null;
  return (
    <Collapse
      className="osc-group"
      size="small"
      activeKey={opened || hasErrors || searching ? ['group'] : []}
      onChange={(keys) => setOpened(keys.length > 0)}
      items={[
        {
          key: 'group',
          label: props.title,
          extra: <span className="osc-count">{shown.length}</span>,
          children: content,
        },
      ]}
    />
  );
}

type Section = { title: string; properties: ObjectFieldTemplatePropertyType[] };

/** The parts of a form as the package names them, in the order of their first fields; one for each chart inside. */
function sectionsOf(
  properties: ObjectFieldTemplatePropertyType[],
  schema: ObjectFieldTemplateProps['schema'],
  titles: { inner: string; rest: string },
): Section[] {
  const sections = new Map<string, ObjectFieldTemplatePropertyType[]>();
  for (const property of properties) {
    const child = schema.properties?.[property.name] as Json | undefined; // a schema is JSON
    const group = groupOf(child);
    const title = group === property.name ? titles.inner : group || (sections.size > 0 ? titles.rest : '');
    sections.set(title, [...(sections.get(title) ?? []), property]);
  }
  const named =
    sections.size > 1 || properties.some(({ name }) => groupOf(schema.properties?.[name] as Json));
  return [...sections].map(([title, inside]) => ({ title: named ? title : '', properties: inside }));
}

function ArrayFieldTemplate(props: ArrayFieldTemplateProps) {
  const t = useText();
  return (
    <fieldset className="osc-array" id={props.fieldPathId.$id}>
      <legend>
        {props.title}
        {props.required && (
          <span aria-hidden="true" className="osc-required">
            *
          </span>
        )}
      </legend>
      {props.schema.description && <div className="osc-field-help">{props.schema.description}</div>}
      {props.items}
      {props.items.length === 0 && <div className="osc-field-help">{t('form.noItems')}</div>}
      {props.rawErrors?.map((error) => (
        <div key={error} role="alert" className="osc-field-error">
          {error}
        </div>
      ))}
      {props.canAdd && (
        <Button
          type="dashed"
          size="small"
          icon={<PlusOutlined aria-hidden />}
          disabled={props.disabled || props.readonly}
          onClick={props.onAddClick}
        >
          {t('form.addItem')}
        </Button>
      )}
    </fieldset>
  );
}

function ArrayFieldItemTemplate({ children, buttonsProps, index }: ArrayFieldItemTemplateProps) {
  const t = useText();
  const number = index + 1;
  return (
    <div className="osc-array-item">
      <span className="osc-array-number" aria-hidden="true">
        {number}
      </span>
      <div className="osc-array-content">{children}</div>
      <div className="osc-array-tools">
        <Button
          size="small"
          type="text"
          icon={<UpOutlined aria-hidden />}
          aria-label={t('form.moveUp', { number })}
          disabled={!buttonsProps.hasMoveUp}
          onClick={buttonsProps.onMoveUpItem}
        />
        <Button
          size="small"
          type="text"
          icon={<DownOutlined aria-hidden />}
          aria-label={t('form.moveDown', { number })}
          disabled={!buttonsProps.hasMoveDown}
          onClick={buttonsProps.onMoveDownItem}
        />
        <Button
          size="small"
          type="text"
          danger
          icon={<DeleteOutlined aria-hidden />}
          aria-label={t('form.removeItem', { number })}
          disabled={!buttonsProps.hasRemove}
          onClick={buttonsProps.onRemoveItem}
        />
      </div>
    </div>
  );
}

/** An entry of a map: its key can be renamed, and it can go. */
function WrapIfAdditionalTemplate(props: WrapIfAdditionalTemplateProps) {
  const t = useText();
  if (!(ADDITIONAL_PROPERTY_FLAG in props.schema)) return <>{props.children}</>;
  return (
    <div className="osc-entry">
      <Input
        id={`${props.id}-key`}
        className="osc-entry-key"
        defaultValue={props.label}
        aria-label={t('form.entryName')}
        disabled={props.disabled || props.readonly}
        onBlur={props.onKeyRenameBlur}
      />
      <div className="osc-entry-value">{props.children}</div>
      <Button
        type="text"
        danger
        icon={<DeleteOutlined aria-hidden />}
        aria-label={t('form.removeEntry', { name: props.label })}
        onClick={props.onRemoveProperty}
      />
    </div>
  );
}

function MultiSchemaFieldTemplate({ selector, optionSchemaField }: MultiSchemaFieldTemplateProps) {
  return (
    <div className="osc-choice">
      {selector}
      {optionSchemaField}
    </div>
  );
}

const Nothing = () => null;

export const templates: Partial<TemplatesType> = {
  FieldTemplate,
  ObjectFieldTemplate,
  ArrayFieldTemplate,
  ArrayFieldItemTemplate,
  WrapIfAdditionalTemplate,
  MultiSchemaFieldTemplate,
  ErrorListTemplate: Nothing,
  DescriptionFieldTemplate: Nothing,
  TitleFieldTemplate: Nothing,
  FieldErrorTemplate: Nothing,
  FieldHelpTemplate: Nothing,
};
