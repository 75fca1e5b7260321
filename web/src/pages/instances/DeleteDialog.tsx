// Deleting: first the plan of it, so that what goes and what stays is seen.
import { useQuery } from '@tanstack/react-query';
import { Checkbox, Skeleton } from 'antd';
import { useState } from 'react';
import { useNavigate } from 'react-router';

import { api, bodyOf, type Schemas } from '~/api/client';
import { PlanView } from '~/components/PlanView';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { ConfirmDialog } from '~/ui/ConfirmDialog';
import { ErrorView } from '~/ui/ErrorView';
import { paths } from '~/util/path-builder';

type Props = { instance: Schemas['Instance']; onClose: () => void };

export function DeleteDialog({ instance, onClose }: Props) {
  const t = useText();
  const navigate = useNavigate();
  const [purge, setPurge] = useState(false);
  const plan = useQuery({
    queryKey: ['delete-plan', instance.id, purge],
    queryFn: () =>
      bodyOf(
        api.POST('/api/v1/plans', { body: { verb: 'uninstall', instance: instance.id, purge_data: purge } }),
      ),
    staleTime: Infinity,
    gcTime: 0,
  });
  const apply = useApiMutation({
    run: (shown: Schemas['Plan']) =>
      bodyOf(api.POST('/api/v1/operations', { body: { plan: shown.id, hash: shown.hash } })),
    changes: ['instances', 'operations'],
    leaves: true,
    onDone: (operation) => void navigate(paths.operation(operation.id)),
  });
  return (
    <ConfirmDialog
      title={t('delete.title', { name: instance.name })}
      name={instance.name}
      action={t('instance.delete')}
      busy={apply.isPending || plan.isPending}
      onConfirm={() => plan.data && apply.mutate(plan.data)}
      onClose={onClose}
    >
      <p>{t('delete.help')}</p>
      <Checkbox checked={purge} onChange={(event) => setPurge(event.target.checked)}>
        {t('delete.purge')}
      </Checkbox>
      {plan.isError && <ErrorView error={plan.error} onRetry={() => void plan.refetch()} />}
      {plan.isPending && <Skeleton active />}
      {plan.data && <PlanView plan={plan.data} />}
    </ConfirmDialog>
  );
}
