// A plan before it runs: what changes, what stays, what it may do.
import { Alert, Collapse, Flex, Segmented, Table } from 'antd';
import { useMemo, useState } from 'react';

import type { Schemas } from '~/api/client';
import { useText, type TextKey } from '~/i18n';
import { Chip, type Tone } from '~/ui/Chip';
import { DiffView } from '~/ui/DiffView';

type Plan = Schemas['Plan'];
type Change = Plan['changes'][number];

const actions: Record<string, [Tone, TextKey]> = {
  delete: ['bad', 'action.delete'],
  replace: ['bad', 'action.replace'],
  update: ['warn', 'action.update'],
  create: ['good', 'action.create'],
  keep: ['busy', 'action.keep'],
  none: ['idle', 'action.none'],
};

const nameOf = (change: Change) => (change.namespace ? `${change.namespace}/${change.name}` : change.name);

/** How many differences lie open at first. */
const OPEN = 3;

function countsOf(changes: Change[]): [string, number][] {
  const found = new Map<string, number>();
  for (const { action } of changes) found.set(action, (found.get(action) ?? 0) + 1);
  return [...found].sort(([a], [b]) => rankOf(a) - rankOf(b));
}

// What goes and what changes is read first.
const order = Object.keys(actions);
const rankOf = (action: string) => (order.includes(action) ? order.indexOf(action) : order.length);

/** `2 update · 1 create`, with the colours of the list below it. */
export function ChangeCounts({ changes }: { changes: Change[] }) {
  const t = useText();
  if (changes.length === 0) return <>{t('plan.nothing')}</>;
  return (
    <Flex gap={6} wrap>
      {countsOf(changes).map(([action, count]) => (
        <Chip key={action} tone={actions[action]?.[0] ?? 'idle'}>
          {count} {labelOf(action, t)}
        </Chip>
      ))}
    </Flex>
  );
}

const keyOf = (change: Change) => `${change.action} ${change.api_version} ${change.kind} ${nameOf(change)}`;

export function PlanView({ plan }: { plan: Plan }) {
  const t = useText();
  const [filter, setFilter] = useState('all');
  const counts = useMemo(() => countsOf(plan.changes), [plan.changes]);
  const sorted = [...plan.changes].sort((a, b) => rankOf(a.action) - rankOf(b.action));
  const updates = sorted.filter(({ action, diff }) => action === 'update' && diff).map(keyOf);
  const rows = filter === 'all' ? sorted : sorted.filter(({ action }) => action === filter);
  const unchecked = plan.changes.filter(({ checked, action }) => !checked && action !== 'none');
  return (
    <div className="osc-stack">
      {plan.warnings.map((warning) => (
        <Alert key={warning} type="warning" showIcon title={warning} />
      ))}
      {counts.length > 1 && (
        <div className="osc-row">
          <Segmented
            aria-label={t('plan.filter')}
            value={filter}
            onChange={setFilter}
            options={[
              { value: 'all', label: t('plan.all', { count: plan.changes.length }) },
              ...counts.map(([action, count]) => ({
                value: action,
                label: `${labelOf(action, t)} ${count}`,
              })),
            ]}
          />
        </div>
      )}
      <Table
        className="osc-boxed"
        size="small"
        key={plan.hash}
        rowKey={keyOf}
        dataSource={rows}
        pagination={rows.length > 50 ? { pageSize: 50, showSizeChanger: false } : false}
        locale={{ emptyText: t('plan.nothing') }}
        expandable={{
          rowExpandable: (change) => Boolean(change.diff),
          expandRowByClick: true,
          defaultExpandedRowKeys: updates.slice(0, OPEN),
          expandedRowRender: (change) => <DiffView diff={change.diff ?? ''} />,
        }}
        columns={[
          {
            title: t('plan.action'),
            width: 110,
            render: (_, change) => (
              <Chip tone={actions[change.action]?.[0] ?? 'idle'}>{labelOf(change.action, t)}</Chip>
            ),
          },
          { title: t('plan.kind'), dataIndex: 'kind', width: 230 },
          { title: t('plan.name'), render: (_, change) => <code>{nameOf(change)}</code> },
          {
            title: t('plan.checked'),
            width: 180,
            render: (_, change) =>
              change.checked ? (
                <span className="osc-muted">{t('plan.checkedYes')}</span>
              ) : (
                <Chip title={change.reason ?? undefined}>{t('plan.checkedNo')}</Chip>
              ),
          },
        ]}
      />
      {unchecked.length > 0 && (
        <Alert type="info" showIcon title={t('plan.uncheckedTitle')} description={t('plan.uncheckedHelp')} />
      )}
      <Collapse
        size="small"
        className="osc-group"
        defaultActiveKey={['kept']}
        items={[
          section('images', t('plan.images'), plan.images),
          section('crds', t('plan.crds'), plan.crds.map(textOf)),
          section('permissions', t('plan.permissions'), plan.permissions.map(textOf)),
          section('kept', t('plan.kept'), plan.kept.map(textOf)),
        ].filter((item) => item !== null)}
      />
    </div>
  );
}

const labelOf = (action: string, t: ReturnType<typeof useText>) => {
  const known = actions[action];
  return known ? t(known[1]) : action;
};

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return String(value);
  const { kind, namespace, name, reason } = value as Record<string, unknown>;
  if (typeof kind === 'string' && typeof name === 'string') {
    const place = typeof namespace === 'string' && namespace ? `${namespace}/` : '';
    return `${kind} ${place}${name}${typeof reason === 'string' && reason ? `: ${reason}` : ''}`;
  }
  return JSON.stringify(value);
}

function section(key: string, label: string, items: string[]) {
  if (items.length === 0) return null;
  return {
    key,
    label: `${label} (${items.length})`,
    children: (
      <Flex vertical gap={4}>
        {items.map((item) => (
          <code key={item}>{item}</code>
        ))}
      </Flex>
    ),
  };
}
