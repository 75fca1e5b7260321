import { Table } from 'antd';
import { Link } from 'react-router';

import type { Schemas } from '~/api/client';
import { useText, type TextKey } from '~/i18n';
import { TimeAgo } from '~/ui/TimeAgo';
import { paths } from '~/util/path-builder';

import { duration } from './OperationSteps';
import { operationState, StateTag } from './StateTag';

const kinds: Record<string, TextKey> = {
  install: 'verb.install',
  update: 'verb.update',
  upgrade: 'verb.upgrade',
  rollback: 'verb.rollback',
  uninstall: 'verb.uninstall',
  adopt: 'verb.adopt',
  test: 'verb.test',
};

export const kindKey = (kind: string): TextKey => kinds[kind] ?? 'verb.other';

type Props = { operations: Schemas['Operation'][]; loading?: boolean };

export function OperationsTable({ operations, loading = false }: Props) {
  const t = useText();
  return (
    <Table
      className="osc-boxed"
      rowKey="id"
      size="small"
      loading={loading}
      dataSource={operations}
      pagination={false}
      columns={[
        {
          title: t('operations.what'),
          render: (_, { id, kind }) => <Link to={paths.operation(id)}>{t(kindKey(kind))}</Link>,
        },
        { title: t('operations.instance'), render: (_, { instance }) => instance ?? '—' },
        {
          title: t('operations.state'),
          render: (_, { state, reason }) => <StateTag state={operationState(state)} reason={reason} />,
        },
        { title: t('operations.created'), render: (_, { created_at }) => <TimeAgo time={created_at} /> },
        {
          title: t('operations.took'),
          render: (_, { started_at, finished_at }) => duration(started_at, finished_at) || '—',
        },
      ]}
    />
  );
}
