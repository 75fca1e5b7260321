import { BellOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Table } from 'antd';

import { queries } from '~/api/queries';
import { useText } from '~/i18n';
import { Chip } from '~/ui/Chip';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';
import { TimeAgo } from '~/ui/TimeAgo';

export function EventsTab({ id }: { id: string }) {
  const t = useText();
  const events = useQuery(queries.events(id));
  if (events.isError) return <ErrorView error={events.error} onRetry={() => void events.refetch()} />;
  if (events.data?.length === 0) {
    return (
      <EmptyView icon={<BellOutlined />} title={t('events.empty')}>
        {t('events.emptyHelp')}
      </EmptyView>
    );
  }
  return (
    <Table
      className="osc-boxed"
      size="small"
      rowKey={({ time, object, reason, message }) => `${time} ${object} ${reason} ${message}`}
      loading={events.isPending}
      dataSource={events.data ?? []}
      pagination={(events.data?.length ?? 0) > 30 ? { pageSize: 30, showSizeChanger: false } : false}
      columns={[
        { title: t('events.time'), width: 150, render: (_, { time }) => <TimeAgo time={time} /> },
        {
          title: t('events.reason'),
          width: 200,
          render: (_, { type, reason }) => <Chip tone={type === 'Warning' ? 'warn' : 'idle'}>{reason}</Chip>,
        },
        { title: t('events.object'), width: 300, render: (_, { object }) => <code>{object}</code> },
        { title: t('events.message'), dataIndex: 'message' },
        { title: t('events.count'), dataIndex: 'count', width: 80, align: 'right' },
      ]}
    />
  );
}
