import { InboxOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Table } from 'antd';

import { queries } from '~/api/queries';
import { objectState, StateTag } from '~/components/StateTag';
import { useText } from '~/i18n';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';

export function ObjectsTab({ id }: { id: string }) {
  const t = useText();
  const objects = useQuery(queries.objects(id));
  if (objects.isError) return <ErrorView error={objects.error} onRetry={() => void objects.refetch()} />;
  if (objects.data?.length === 0) {
    return (
      <EmptyView icon={<InboxOutlined />} title={t('objects.empty')}>
        {t('objects.emptyHelp')}
      </EmptyView>
    );
  }
  return (
    <Table
      className="osc-boxed"
      size="small"
      rowKey={({ api_version, kind, namespace, name }) => `${api_version} ${kind} ${namespace} ${name}`}
      loading={objects.isPending}
      dataSource={objects.data ?? []}
      pagination={false}
      columns={[
        { title: t('plan.kind'), dataIndex: 'kind' },
        {
          title: t('plan.name'),
          render: (_, { namespace, name }) => <code>{namespace ? `${namespace}/${name}` : name}</code>,
        },
        {
          title: t('instances.state'),
          render: (_, { state, reason }) => <StateTag state={objectState(state)} reason={reason} />,
        },
        {
          title: t('objects.message'),
          render: (_, { reason }) => <span className="osc-muted">{reason ?? ''}</span>,
        },
      ]}
    />
  );
}
