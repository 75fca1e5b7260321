// A plan that waits for its go.
import { useQuery } from '@tanstack/react-query';
import { Button, Skeleton } from 'antd';
import { useNavigate, useParams } from 'react-router';

import { api, bodyOf } from '~/api/client';
import { queries } from '~/api/queries';
import { PlanView } from '~/components/PlanView';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { ErrorView } from '~/ui/ErrorView';
import { PageHeader } from '~/ui/PageHeader';
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
    showError: false,
    onDone: (operation) => void navigate(paths.operation(operation.id)),
  });
  if (plan.isError) return <ErrorView error={plan.error} onRetry={() => void plan.refetch()} />;
  if (!plan.data) return <Skeleton active />;
  const { hash, expires_at } = plan.data;
  return (
    <>
      <PageHeader
        title={t('plan.title')}
        subtitle={
          <>
            {t('plan.expires')} <TimeAgo time={expires_at} />
          </>
        }
        actions={
          <>
            <Button onClick={() => void navigate(-1)}>{t('plan.back')}</Button>
            <Button type="primary" loading={apply.isPending} onClick={() => apply.mutate(hash)}>
              {t('plan.apply')}
            </Button>
          </>
        }
      />
      <div className="osc-stack">
        {apply.isError && <ErrorView error={apply.error} />}
        <PlanView plan={plan.data} />
      </div>
    </>
  );
}
