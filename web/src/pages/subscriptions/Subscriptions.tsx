import { StarOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Flex, Skeleton } from 'antd';
import { useState } from 'react';
import { Link } from 'react-router';

import { api, type Schemas } from '~/api/client';
import { queries } from '~/api/queries';
import { LinkButton } from '~/components/LinkButton';
import { Provider } from '~/components/Provider';
import { ServiceLogo } from '~/components/ServiceLogo';
import { StateTag } from '~/components/StateTag';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { ConfirmDialog } from '~/ui/ConfirmDialog';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';
import { PageHeader } from '~/ui/PageHeader';
import { TimeAgo } from '~/ui/TimeAgo';
import { paths } from '~/util/path-builder';

export default function Subscriptions() {
  const t = useText();
  const subscriptions = useQuery(queries.subscriptions());
  const [ending, setEnding] = useState<Schemas['Subscription'] | null>(null);
  const end = useApiMutation({
    run: (service: string) =>
      api.DELETE('/api/v1/subscriptions/{service}', { params: { path: { service } } }),
    changes: ['subscriptions', 'services', 'instances', 'operations'],
    done: t('subscriptions.endingNow'),
    onDone: () => setEnding(null),
  });
  const shown = subscriptions.data?.items.filter(({ state }) => state !== 'ended') ?? [];
  return (
    <>
      <PageHeader title={t('nav.subscriptions')} subtitle={t('subscriptions.subtitle')} />
      {subscriptions.isError && (
        <ErrorView error={subscriptions.error} onRetry={() => void subscriptions.refetch()} />
      )}
      {subscriptions.isPending && <Skeleton active />}
      {subscriptions.data && shown.length === 0 && (
        <EmptyView
          icon={<StarOutlined aria-hidden />}
          title={t('subscriptions.empty')}
          action={
            <LinkButton to={paths.catalogue()} type="primary">
              {t('subscriptions.browse')}
            </LinkButton>
          }
        >
          {t('subscriptions.emptyHelp')}
        </EmptyView>
      )}
      <div className="osc-grid">
        {shown.map((subscription) => (
          <article key={subscription.service} className="osc-card">
            <div className="osc-card-head">
              <ServiceLogo name={subscription.service} />
              <div>
                <h2 className="ant-typography">
                  <Link to={paths.service(subscription.service)}>{subscription.service}</Link>
                </h2>
                <span className="osc-muted osc-small">
                  <Provider name={subscription.provider} />
                </span>
              </div>
              <StateTag state={subscription.state} filled />
            </div>
            <div className="osc-card-foot osc-small">
              <Link to={`${paths.instances()}?service=${encodeURIComponent(subscription.service)}`}>
                {t('subscriptions.instances', { count: subscription.instances })}
              </Link>
              {subscription.latest_version && (
                <span className="osc-muted">
                  {t('subscriptions.newest')} <code>{subscription.latest_version}</code>
                </span>
              )}
              <span className="osc-spring" />
              <span className="osc-muted">
                {t('subscriptions.since')} <TimeAgo time={subscription.created_at} />
              </span>
            </div>
            <Flex gap={8}>
              <LinkButton to={paths.deploy(subscription.service)} type="primary" size="small">
                {t('service.deploy')}
              </LinkButton>
              <Button size="small" danger onClick={() => setEnding(subscription)}>
                {t('subscriptions.end')}
              </Button>
            </Flex>
          </article>
        ))}
      </div>
      {ending && (
        <ConfirmDialog
          title={t('subscriptions.endTitle', { service: ending.service })}
          name={ending.service}
          action={t('subscriptions.end')}
          busy={end.isPending}
          onConfirm={() => end.mutate(ending.service)}
          onClose={() => setEnding(null)}
        >
          <Alert type="warning" showIcon title={t('subscriptions.endWarning', { count: ending.instances })} />
        </ConfirmDialog>
      )}
    </>
  );
}
