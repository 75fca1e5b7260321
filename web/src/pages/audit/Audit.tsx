import { AuditOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Table } from 'antd';

import { queries } from '~/api/queries';
import { StateTag } from '~/components/StateTag';
import { useText } from '~/i18n';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';
import { PageHeader } from '~/ui/PageHeader';
import { TimeAgo } from '~/ui/TimeAgo';

export default function Audit() {
  const t = useText();
  const audit = useQuery(queries.audit());
  return (
    <>
      <PageHeader title={t('nav.audit')} subtitle={t('audit.subtitle')} />
      {audit.isError && <ErrorView error={audit.error} onRetry={() => void audit.refetch()} />}
      {audit.data?.items.length === 0 ? (
        <EmptyView icon={<AuditOutlined />} title={t('audit.empty')}>
          {t('audit.emptyHelp')}
        </EmptyView>
      ) : (
        <Table
          size="small"
          rowKey={({ time, request_id, operation, name }) => `${time} ${request_id} ${operation} ${name}`}
          loading={audit.isPending}
          dataSource={audit.data?.items ?? []}
          pagination={(audit.data?.items.length ?? 0) > 50 ? { pageSize: 50, showSizeChanger: false } : false}
          columns={[
            { title: t('audit.time'), width: 160, render: (_, { time }) => <TimeAgo time={time} /> },
            { title: t('audit.actor'), dataIndex: 'actor' },
            {
              title: t('audit.operation'),
              dataIndex: 'operation',
              render: (operation: string) => <code>{operation}</code>,
            },
            { title: t('audit.resource'), render: (_, { resource, name }) => `${resource} ${name}` },
            { title: t('audit.result'), render: (_, { result }) => <StateTag state={result} /> },
            { title: t('audit.request'), render: (_, { request_id }) => <code>{request_id}</code> },
          ]}
        />
      )}
    </>
  );
}
