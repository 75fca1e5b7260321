// A plan before it runs: what changes, what stays, what it may do.
import { Alert, Collapse, Flex, Segmented, Table, Tag, Tooltip } from 'antd';
import { useMemo, useState } from 'react';

import type { Schemas } from '~/api/client';
import { useText, type TextKey } from '~/i18n';
import { DiffView } from '~/ui/DiffView';

type Plan = Schemas['Plan'];
type Change = Plan['changes'][number];

const actions: Record<string, [string, TextKey]> = {
  create: ['green', 'action.create'],
  update: ['gold', 'action.update'],
  replace: ['volcano', 'action.replace'],
  delete: ['red', 'action.delete'],
  keep: ['blue', 'action.keep'],
  none: ['default', 'action.none'],
};

const nameOf = (change: Change) => (change.namespace ? `${change.namespace}/${change.name}` : change.name);

export function PlanView({ plan }: { plan: Plan }) {
  const t = useText();
  const [filter, setFilter] = useState('all');
  const counts = useMemo(() => {
    const result = new Map<string, number>();
    for (const { action } of plan.changes) result.set(action, (result.get(action) ?? 0) + 1);
    return result;
  }, [plan.changes]);
  const rows = filter === 'all' ? plan.changes : plan.changes.filter(({ action }) => action === filter);
  return (
    <div className="osc-stack">
      {plan.warnings.map((warning) => (
        <Alert key={warning} type="warning" showIcon title={warning} />
      ))}
      <Segmented
        value={filter}
        onChange={setFilter}
        options={[
          { value: 'all', label: t('plan.all', { count: plan.changes.length }) },
          ...[...counts].map(([action, count]) => ({
            value: action,
            label: `${labelOf(action, t)} ${count}`,
          })),
        ]}
      />
      <Table
        size="small"
        rowKey={(change) => `${change.action} ${change.api_version} ${change.kind} ${nameOf(change)}`}
        dataSource={rows}
        pagination={rows.length > 50 ? { pageSize: 50, showSizeChanger: false } : false}
        expandable={{
          rowExpandable: (change) => Boolean(change.diff),
          expandedRowRender: (change) => <DiffView diff={change.diff ?? ''} />,
        }}
        columns={[
          {
            title: t('plan.action'),
            width: 120,
            render: (_, change) => (
              <Tag color={actions[change.action]?.[0] ?? 'default'}>{labelOf(change.action, t)}</Tag>
            ),
          },
          { title: t('plan.kind'), dataIndex: 'kind', width: 220 },
          { title: t('plan.name'), render: (_, change) => <code>{nameOf(change)}</code> },
          {
            title: t('plan.checked'),
            width: 200,
            render: (_, change) =>
              change.checked ? (
                t('plan.checkedYes')
              ) : (
                <Tooltip title={change.reason}>
                  <span className="osc-muted" tabIndex={0}>
                    {t('plan.checkedNo')}
                  </span>
                </Tooltip>
              ),
          },
        ]}
      />
      <Collapse
        size="small"
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
