import { AuditOutlined } from '@ant-design/icons';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Button, Input, Select, Table } from 'antd';
import { useSearchParams } from 'react-router';

import { queries } from '~/api/queries';
import { StateTag } from '~/components/StateTag';
import { useText, type TextKey } from '~/i18n';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';
import { MoreButton } from '~/ui/MoreButton';
import { PageHeader } from '~/ui/PageHeader';
import { TimeAgo } from '~/ui/TimeAgo';

const resources: Record<string, TextKey> = {
  cluster: 'resource.cluster',
  file: 'resource.file',
  instance: 'resource.instance',
  operation: 'resource.operation',
  plugin: 'resource.plugin',
  service: 'resource.service',
  'service-version': 'resource.version',
  session: 'resource.session',
  subscription: 'resource.subscription',
  tenant: 'resource.tenant',
  token: 'resource.token',
  user: 'resource.user',
};

export default function Audit() {
  const t = useText();
  const [search, setSearch] = useSearchParams();
  const filter = Object.fromEntries(
    (['name', 'result'] as const).flatMap((field) => {
      const value = search.get(field);
      return value ? [[field, value]] : [];
    }),
  );
  const audit = useInfiniteQuery({ ...queries.audit(filter), placeholderData: (shown) => shown });
  const filtered = Object.keys(filter).length > 0;
  const put = (field: 'name' | 'result', value: string | undefined) => {
    const next = new URLSearchParams(search);
    if (value) next.set(field, value);
    else next.delete(field);
    setSearch(next, { replace: true });
  };
  return (
    <>
      <PageHeader title={t('nav.audit')} subtitle={t('audit.subtitle')} />
      <div className="osc-filters">
        <Input.Search
          allowClear
          key={filter['name'] ?? ''}
          style={{ width: 280 }}
          placeholder={t('audit.filterName')}
          aria-label={t('audit.filterName')}
          defaultValue={filter['name']}
          onSearch={(value) => put('name', value.trim())}
        />
        <Select
          allowClear
          style={{ width: 180 }}
          placeholder={t('audit.anyResult')}
          aria-label={t('audit.anyResult')}
          value={filter['result']}
          onChange={(value: string | undefined) => put('result', value)}
          options={(['ok', 'refused', 'failed'] as const).map((value) => ({
            value,
            label: t(`state.${value}`),
          }))}
        />
      </div>
      {audit.isError && <ErrorView error={audit.error} onRetry={() => void audit.refetch()} />}
      {audit.data?.length === 0 ? (
        <EmptyView
          icon={<AuditOutlined aria-hidden />}
          title={filtered ? t('audit.nothingFound') : t('audit.empty')}
          action={filtered && <Button onClick={() => setSearch({})}>{t('catalogue.clear')}</Button>}
        >
          {filtered ? t('catalogue.nothingFoundHelp') : t('audit.emptyHelp')}
        </EmptyView>
      ) : (
        <Table
          className="osc-boxed"
          size="small"
          rowKey={({ time, request_id, operation, name }) => `${time} ${request_id} ${operation} ${name}`}
          loading={audit.isPending}
          dataSource={audit.data ?? []}
          pagination={false}
          columns={[
            { title: t('audit.time'), width: 160, render: (_, { time }) => <TimeAgo time={time} /> },
            { title: t('audit.actor'), dataIndex: 'actor' },
            {
              title: t('audit.operation'),
              dataIndex: 'operation',
              render: (operation: string) => <code>{operation}</code>,
            },
            {
              title: t('audit.resource'),
              render: (_, { resource, name }) => (
                <>
                  <span className="osc-muted">{resources[resource] ? t(resources[resource]) : resource}</span>{' '}
                  {name}
                </>
              ),
            },
            { title: t('audit.result'), render: (_, { result }) => <StateTag state={result} /> },
            { title: t('audit.request'), render: (_, { request_id }) => <code>{request_id}</code> },
          ]}
        />
      )}
      <MoreButton query={audit} />
    </>
  );
}
