// One operation with its steps as they go by.
import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Progress, Skeleton } from 'antd';
import { useParams } from 'react-router';

import { api, bodyOf } from '~/api/client';
import { queries } from '~/api/queries';
import { LinkButton } from '~/components/LinkButton';
import { kindKey } from '~/components/OperationsTable';
import { duration, OperationSteps } from '~/components/OperationSteps';
import { PageError } from '~/components/PageError';
import { isBusy, operationState, StateTag } from '~/components/StateTag';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { PageHeader } from '~/ui/PageHeader';
import { Panel } from '~/ui/Panel';
import { TimeAgo } from '~/ui/TimeAgo';
import { paths } from '~/util/path-builder';

export default function Operation() {
  const t = useText();
  const { id = '' } = useParams();
  const operation = useQuery(queries.operation(id));
  const changes = ['operations', 'instances'];
  const path = { params: { path: { id } } };
  const cancel = useApiMutation({
    run: () => bodyOf(api.POST('/api/v1/operations/{id}/cancel', path)),
    changes,
  });
  const retry = useApiMutation({
    run: () => bodyOf(api.POST('/api/v1/operations/{id}/retry', path)),
    changes,
  });
  const trail = [{ label: t('nav.operations'), to: paths.operations() }];
  if (operation.isError)
    return <PageError error={operation.error} trail={trail} onRetry={() => void operation.refetch()} />;
  if (!operation.data) return <Skeleton active />;
  const { kind, instance, reason, steps, created_at, started_at, finished_at } = operation.data;
  const state = operationState(operation.data.state);
  const done = steps.filter((step) => step.state === 'done' || step.state === 'skipped').length;
  const busy = isBusy(state);
  const gone = kind === 'uninstall' && state === 'succeeded';
  return (
    <>
      <PageHeader
        title={t('operations.title', { kind: t(kindKey(kind)), instance: instance ?? '' })}
        extra={<StateTag state={state} filled />}
        subtitle={<TimeAgo time={created_at} />}
        trail={trail}
        actions={
          <>
            {busy && (
              <Button danger loading={cancel.isPending} onClick={() => cancel.mutate(undefined)}>
                {t('operations.cancel')}
              </Button>
            )}
            {['failed', 'cancelled', 'paused'].includes(state) && (
              <Button loading={retry.isPending} onClick={() => retry.mutate(undefined)}>
                {t('operations.retry')}
              </Button>
            )}
            {gone && (
              <LinkButton to={paths.instances()} type="primary">
                {t('operations.toInstances')}
              </LinkButton>
            )}
            {instance && !gone && (
              <LinkButton to={paths.instance(instance)} type="primary">
                {t('operations.open')}
              </LinkButton>
            )}
          </>
        }
      />
      <div className="osc-stack">
        {state === 'failed' && (
          <Alert type="error" showIcon title={t('operations.failed')} description={reason} />
        )}
        {state === 'paused' && (
          <Alert type="warning" showIcon title={t('operations.paused')} description={reason} />
        )}
        {state === 'cancelled' && (
          <Alert
            type="info"
            showIcon
            title={t('operations.cancelled')}
            description={t('operations.cancelledHelp')}
          />
        )}
        {state === 'succeeded' && (
          <Alert
            type="success"
            showIcon
            title={t('operations.succeeded')}
            description={t('operations.succeededHelp')}
          />
        )}
        <Panel
          flush
          title={t('operations.steps')}
          extra={
            steps.length > 0 && (
              <>
                {t('operations.stepsDone', { done, all: steps.length })}
                <span>{duration(started_at, finished_at)}</span>
              </>
            )
          }
        >
          {busy && steps.length > 0 && (
            <div className="osc-panel-body">
              <Progress
                percent={Math.round((done / steps.length) * 100)}
                aria-label={t('operations.progress')}
              />
            </div>
          )}
          {steps.length === 0 && <p className="osc-quiet">{t('operations.planning')}</p>}
          <OperationSteps steps={steps} />
        </Panel>
      </div>
    </>
  );
}
