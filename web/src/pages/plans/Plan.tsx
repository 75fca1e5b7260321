import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Skeleton } from 'antd';
import { useNavigate, useParams } from 'react-router';

import { api, bodyOf } from '~/api/client';
import { queries } from '~/api/queries';
import { kindKey } from '~/components/OperationsTable';
import { PageError } from '~/components/PageError';
import { ChangeCounts, PlanView } from '~/components/PlanView';
import { StateTag } from '~/components/StateTag';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { ErrorView } from '~/ui/ErrorView';
import { PageHeader } from '~/ui/PageHeader';
import { ReasonButton } from '~/ui/ReasonButton';
import { TimeAgo } from '~/ui/TimeAgo';
import { paths } from '~/util/path-builder';

export default function Plan() {
  const t = useText();
  const { id = '' } = useParams();
  const navigate = useNavigate();
  const plan = useQuery(queries.plan(id));
  const apply = useApiMutation({
    run: (hash: string) => bodyOf(api.POST('/api/v1/operations', { body: { plan: id, hash } })),
    changes: ['operations', 'instances', 'plans'],
    leaves: true,
    showError: false,
    onDone: (operation) => void navigate(paths.operation(operation.id)),
  });
  const trail = [{ label: t('nav.instances'), to: paths.instances() }];
  if (plan.isError) return <PageError error={plan.error} trail={trail} onRetry={() => void plan.refetch()} />;
  if (!plan.data) return <Skeleton active />;
  const { hash, expires_at, verb, instance, state, changes } = plan.data;
  const spent = state !== 'open' ? t('plan.stale') : undefined;
  return (
    <>
      <PageHeader
        title={t('plan.title')}
        extra={spent && <StateTag state={state} filled />}
        subtitle={t('plan.subtitle')}
        trail={trail}
        actions={
          <>
            <Button onClick={() => void navigate(-1)}>{t('plan.back')}</Button>
            <ReasonButton
              type="primary"
              reason={spent}
              loading={apply.isPending}
              onClick={() => apply.mutate(hash)}
            >
              {t('plan.apply')}
            </ReasonButton>
          </>
        }
      />
      <div className="osc-stack">
        {spent && <Alert type="warning" showIcon title={spent} />}
        {apply.isError && <ErrorView error={apply.error} />}
        <dl className="osc-strip">
          <div>
            <dt>{t('operations.what')}</dt>
            <dd>{t('plan.titleFor', { verb: t(kindKey(verb)), instance })}</dd>
          </div>
          <div>
            <dt>{t('plan.objects')}</dt>
            <dd>
              <ChangeCounts changes={changes} />
            </dd>
          </div>
          <div>
            <dt>{t('plan.expires')}</dt>
            <dd>
              <TimeAgo time={expires_at} />
            </dd>
          </div>
        </dl>
        <PlanView plan={plan.data} />
      </div>
    </>
  );
}
