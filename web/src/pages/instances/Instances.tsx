import { DeploymentUnitOutlined, SearchOutlined } from '@ant-design/icons';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Button, Flex, Input, Select, Table, Tag } from 'antd';
import { Link, useSearchParams } from 'react-router';

import { queries } from '~/api/queries';
import { LinkButton } from '~/components/LinkButton';
import { ServiceLogo } from '~/components/ServiceLogo';
import { SimulatedChip } from '~/components/Simulated';
import { StateTag } from '~/components/StateTag';
import { useText } from '~/i18n';
import { Chip } from '~/ui/Chip';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';
import { MoreButton } from '~/ui/MoreButton';
import { PageHeader } from '~/ui/PageHeader';
import { TimeAgo } from '~/ui/TimeAgo';
import { paths } from '~/util/path-builder';

const filters = ['search', 'state', 'cluster', 'service'] as const;

export default function Instances() {
  const t = useText();
  const [search, setSearch] = useSearchParams();
  const filter = Object.fromEntries(
    filters.flatMap((name) => {
      const value = search.get(name);
      return value ? [[name, value]] : [];
    }),
  );
  const instances = useInfiniteQuery(queries.instances(filter));
  const clusters = useQuery(queries.clusters());
  const put = (name: (typeof filters)[number], value: string | undefined) => {
    const next = new URLSearchParams(search);
    if (value) next.set(name, value);
    else next.delete(name);
    setSearch(next, { replace: true });
  };
  const filtered = Object.keys(filter).length > 0;
  return (
    <>
      <PageHeader title={t('nav.instances')} subtitle={t('instances.subtitle')} />
      <div className="osc-filters">
        <Input
          allowClear
          prefix={<SearchOutlined aria-hidden />}
          style={{ width: 280 }}
          placeholder={t('instances.search')}
          aria-label={t('instances.search')}
          value={filter['search'] ?? ''}
          onChange={(event) => put('search', event.target.value)}
        />
        <Select
          allowClear
          style={{ width: 180 }}
          placeholder={t('instances.anyState')}
          aria-label={t('instances.anyState')}
          value={filter['state']}
          onChange={(value: string | undefined) => put('state', value)}
          options={(['running', 'degraded', 'failed', 'unknown'] as const).map((value) => ({
            value,
            label: t(`state.${value}`),
          }))}
        />
        <Select
          allowClear
          style={{ width: 200 }}
          placeholder={t('instances.anyCluster')}
          aria-label={t('instances.anyCluster')}
          value={filter['cluster']}
          onChange={(value: string | undefined) => put('cluster', value)}
          options={clusters.data?.items.map(({ name }) => ({ value: name, label: name })) ?? []}
        />
        {filter['service'] && (
          <Tag closable onClose={() => put('service', undefined)} style={{ alignSelf: 'center' }}>
            {filter['service']}
          </Tag>
        )}
      </div>
      {instances.isError && <ErrorView error={instances.error} onRetry={() => void instances.refetch()} />}
      {instances.data?.length === 0 ? (
        <EmptyView
          icon={<DeploymentUnitOutlined aria-hidden />}
          title={filtered ? t('instances.nothingFound') : t('instances.empty')}
          action={
            filtered ? (
              <Button onClick={() => setSearch({})}>{t('catalogue.clear')}</Button>
            ) : (
              <LinkButton to={paths.catalogue()} type="primary">
                {t('subscriptions.browse')}
              </LinkButton>
            )
          }
        >
          {filtered ? t('catalogue.nothingFoundHelp') : t('instances.emptyHelp')}
        </EmptyView>
      ) : (
        <Table
          className="osc-boxed"
          rowKey="id"
          loading={instances.isPending}
          dataSource={instances.data ?? []}
          pagination={false}
          columns={[
            {
              title: t('instances.name'),
              render: (_, { id, name, service }) => (
                <span className="osc-row osc-nowrap">
                  <ServiceLogo name={service} small />
                  <Link to={paths.instance(id)}>
                    <strong>{name}</strong>
                  </Link>
                </span>
              ),
              sorter: (a, b) => a.name.localeCompare(b.name),
            },
            {
              title: t('instances.state'),
              render: (_, { state, reason }) => <StateTag state={state} reason={reason} />,
            },
            {
              title: t('instances.service'),
              render: (_, { service, version, upgrade_available }) => (
                <Flex gap={6} align="center">
                  <Link to={paths.service(service)}>{service}</Link>
                  <span className="osc-muted">{version}</span>
                  {upgrade_available && (
                    <Chip tone="warn">{t('instances.upgrade', { version: upgrade_available })}</Chip>
                  )}
                </Flex>
              ),
            },
            {
              title: t('instances.cluster'),
              render: (_, { cluster }) => (
                <span className="osc-row">
                  {cluster} <SimulatedChip cluster={cluster} />
                </span>
              ),
            },
            {
              title: t('instances.namespace'),
              dataIndex: 'namespace',
              render: (namespace: string) => <code>{namespace}</code>,
            },
            { title: t('instances.revision'), dataIndex: 'revision', align: 'right', width: 100 },
            { title: t('instances.created'), render: (_, { created_at }) => <TimeAgo time={created_at} /> },
          ]}
        />
      )}
      <MoreButton query={instances} />
    </>
  );
}
