// One instance on one page: state, objects, events, logs, values, history, and what can be done with it.
import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Skeleton, Tabs } from 'antd';
import { useState } from 'react';
import { Link, useNavigate, useParams, useSearchParams } from 'react-router';

import { api, bodyOf } from '~/api/client';
import { queries } from '~/api/queries';
import { PageError } from '~/components/PageError';
import { ServiceLogo } from '~/components/ServiceLogo';
import { SimulatedChip } from '~/components/Simulated';
import { isBusy, StateTag } from '~/components/StateTag';
import { useText } from '~/i18n';
import { useApiMutation } from '~/hooks/useApiMutation';
import { PageHeader } from '~/ui/PageHeader';
import { ReasonButton } from '~/ui/ReasonButton';
import { TimeAgo } from '~/ui/TimeAgo';
import { paths } from '~/util/path-builder';

import { DeleteDialog } from './DeleteDialog';
import { EventsTab } from './EventsTab';
import { HistoryTab } from './HistoryTab';
import { LogsTab } from './LogsTab';
import { ObjectsTab } from './ObjectsTab';
import { OverviewTab } from './OverviewTab';
import { ValuesTab } from './ValuesTab';

export default function Instance() {
  const t = useText();
  const { id = '' } = useParams();
  const [search, setSearch] = useSearchParams();
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  const instance = useQuery(queries.instance(id));
  const upgrade = useApiMutation({
    run: (version: string) =>
      bodyOf(api.POST('/api/v1/plans', { body: { verb: 'upgrade', instance: id, version } })),
    changes: [],
    onDone: (plan) => void navigate(paths.plan(plan.id)),
  });
  const trail = [{ label: t('nav.instances'), to: paths.instances() }];
  if (instance.isError)
    return <PageError error={instance.error} trail={trail} onRetry={() => void instance.refetch()} />;
  if (!instance.data) return <Skeleton active />;
  const { name, service, version, state, reason, cluster, namespace, upgrade_available, description } =
    instance.data;
  const busy = isBusy(state) ? t('instance.busy') : undefined;
  const facts: [string, React.ReactNode][] = [
    [t('instances.service'), <Link to={paths.service(service)}>{service}</Link>],
    [t('service.version'), <code>{version}</code>],
    [
      t('instances.cluster'),
      <>
        {cluster} <SimulatedChip cluster={cluster} />
      </>,
    ],
    [t('instances.namespace'), <code>{namespace}</code>],
    [t('instances.revision'), instance.data.revision],
    [t('instances.created'), <TimeAgo time={instance.data.created_at} />],
  ];
  const tabs = [
    { key: 'overview', label: t('instance.overview'), children: <OverviewTab instance={instance.data} /> },
    { key: 'objects', label: t('instance.objects'), children: <ObjectsTab id={id} /> },
    { key: 'events', label: t('instance.events'), children: <EventsTab id={id} /> },
    { key: 'logs', label: t('instance.logs'), children: <LogsTab id={id} /> },
    { key: 'values', label: t('instance.values'), children: <ValuesTab instance={instance.data} /> },
    {
      key: 'history',
      label: t('instance.history'),
      children: <HistoryTab instance={instance.data} busy={busy} />,
    },
  ];
  return (
    <>
      <PageHeader
        title={name}
        logo={<ServiceLogo name={service} />}
        extra={<StateTag state={state} reason={reason} filled />}
        subtitle={description}
        trail={trail}
        actions={
          <>
            <ReasonButton reason={busy} onClick={() => void navigate(paths.editInstance(id))}>
              {t('instance.edit')}
            </ReasonButton>
            {upgrade_available && (
              <ReasonButton
                reason={busy}
                type="primary"
                loading={upgrade.isPending}
                onClick={() => upgrade.mutate(upgrade_available)}
              >
                {t('instance.upgradeTo', { version: upgrade_available })}
              </ReasonButton>
            )}
            <Button danger onClick={() => setDeleting(true)}>
              {t('instance.delete')}
            </Button>
          </>
        }
      />
      <dl className="osc-strip">
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {state === 'unknown' && (
        <Alert
          type="warning"
          showIcon
          title={t('instance.unreachable', { cluster })}
          description={
            <>
              {reason && <p>{reason}</p>}
              <p>
                {t('instance.unreachableHelp')} <Link to={paths.clusters()}>{t('nav.clusters')}</Link>
              </p>
            </>
          }
          style={{ marginBottom: 12 }}
        />
      )}
      {reason && (state === 'failed' || state === 'degraded') && (
        <Alert
          type={state === 'failed' ? 'error' : 'warning'}
          showIcon
          title={reason}
          style={{ marginBottom: 12 }}
        />
      )}
      <Tabs
        activeKey={search.get('tab') ?? 'overview'}
        onChange={(tab) => setSearch({ tab }, { replace: true })}
        items={tabs}
        destroyOnHidden
      />
      {deleting && <DeleteDialog instance={instance.data} onClose={() => setDeleting(false)} />}
    </>
  );
}
