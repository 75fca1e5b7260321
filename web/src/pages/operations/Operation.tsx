// One operation with its steps as they go by.
import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Card, Progress, Skeleton } from 'antd';
import { Link, useParams } from 'react-router';

import { api, bodyOf } from '~/api/client';
import { queries } from '~/api/queries';
import { kindKey } from '~/components/OperationsTable';
import { OperationSteps } from '~/components/OperationSteps';
import { isBusy, StateTag } from '~/components/StateTag';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { ErrorView } from '~/ui/ErrorView';
import { PageHeader } from '~/ui/PageHeader';
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
  if (operation.isError)
    return <ErrorView error={operation.error} onRetry={() => void operation.refetch()} />;
  if (!operation.data) return <Skeleton active />;
  const { kind, instance, state, reason, steps, created_at } = operation.data;
  const done = steps.filter((step) => step.state === 'done' || step.state === 'skipped').length;
  const busy = isBusy(state);
  return (
    <>
      <PageHeader
        title={t('operations.title', { kind: t(kindKey(kind)), instance: instance ?? '' })}
        extra={<StateTag state={state} />}
        subtitle={<TimeAgo time={created_at} />}
        trail={[{ label: t('nav.operations'), to: paths.operations() }]}
        actions={
          <>
            {busy && (
              <Button danger loading={cancel.isPending} onClick={() => cancel.mutate(undefined)}>
                {t('operations.cancel')}
              </Button>
            )}
            {state === 'failed' && (
              <Button loading={retry.isPending} onClick={() => retry.mutate(undefined)}>
                {t('operations.retry')}
              </Button>
            )}
            {instance && (
              <Link to={paths.instance(instance)}>
                <Button type="primary">{t('operations.open')}</Button>
              </Link>
            )}
          </>
        }
      />
      <div className="osc-stack">
        {state === 'failed' && (
          <Alert type="error" showIcon title={t('operations.failed')} description={reason} />
        )}
        {state === 'succeeded' && <Alert type="success" showIcon title={t('operations.succeeded')} />}
        <Card size="small">
          {busy && steps.length > 0 && (
            <Progress
              percent={Math.round((done / steps.length) * 100)}
              aria-label={t('operations.progress')}
            />
          )}
          {steps.length === 0 && <p className="osc-muted">{t('operations.planning')}</p>}
          <OperationSteps steps={steps} />
        </Card>
      </div>
    </>
  );
}
