import { BlockOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Flex, Switch, Table, Tag, Tooltip } from 'antd';

import { api, bodyOf, type Schemas } from '~/api/client';
import { queries } from '~/api/queries';
import { StateTag } from '~/components/StateTag';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';
import { PageHeader } from '~/ui/PageHeader';

type Plugin = Schemas['Plugin'];

export default function Plugins() {
  const t = useText();
  const plugins = useQuery(queries.plugins());
  const toggle = useApiMutation({
    run: ({ id, state }: Plugin) => {
      const path = { params: { path: { id } } };
      return state === 'enabled'
        ? bodyOf(api.POST('/api/v1/plugins/{id}/disable', path))
        : bodyOf(api.POST('/api/v1/plugins/{id}/enable', path));
    },
    changes: ['plugins'],
  });
  return (
    <>
      <PageHeader title={t('nav.plugins')} subtitle={t('plugins.subtitle')} />
      {plugins.isError && <ErrorView error={plugins.error} onRetry={() => void plugins.refetch()} />}
      {plugins.data?.items.length === 0 ? (
        <EmptyView icon={<BlockOutlined />} title={t('plugins.empty')}>
          {t('plugins.emptyHelp')}
        </EmptyView>
      ) : (
        <Table
          rowKey="id"
          loading={plugins.isPending}
          dataSource={plugins.data?.items ?? []}
          pagination={false}
          expandable={{
            expandedRowRender: ({ grants }) => (
              <>
                <h3 className="ant-typography">{t('plugins.grants')}</h3>
                <pre className="osc-diff" tabIndex={0}>
                  {JSON.stringify(grants, null, 2)}
                </pre>
              </>
            ),
          }}
          columns={[
            {
              title: t('plugins.id'),
              render: (_, { id, version }) => (
                <Flex gap={8}>
                  <strong>{id}</strong>
                  <span className="osc-muted">{version}</span>
                </Flex>
              ),
            },
            {
              title: t('plugins.roles'),
              render: (_, { roles }) => roles.map((role) => <Tag key={role}>{role}</Tag>),
            },
            { title: t('plugins.state'), render: (_, { state }) => <StateTag state={state} /> },
            { title: t('plugins.faults'), dataIndex: 'faults', align: 'right', width: 100 },
            {
              title: t('plugins.digest'),
              render: (_, { digest }) => (
                <Tooltip title={digest}>
                  <code tabIndex={0}>{digest.slice(0, 19)}…</code>
                </Tooltip>
              ),
            },
            {
              title: t('plugins.on'),
              width: 100,
              render: (_, plugin) => (
                <Switch
                  aria-label={t('plugins.toggle', { id: plugin.id })}
                  checked={plugin.state === 'enabled'}
                  loading={toggle.isPending && toggle.variables.id === plugin.id}
                  onChange={() => toggle.mutate(plugin)}
                />
              ),
            },
          ]}
        />
      )}
    </>
  );
}
