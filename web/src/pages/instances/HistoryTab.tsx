import { useQuery } from '@tanstack/react-query';
import { Table } from 'antd';
import { useNavigate } from 'react-router';

import { api, bodyOf, type Schemas } from '~/api/client';
import { queries } from '~/api/queries';
import { StateTag } from '~/components/StateTag';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { ErrorView } from '~/ui/ErrorView';
import { ReasonButton } from '~/ui/ReasonButton';
import { TimeAgo } from '~/ui/TimeAgo';
import { paths } from '~/util/path-builder';

type Props = { instance: Schemas['Instance']; busy: string | undefined };

export function HistoryTab({ instance, busy }: Props) {
  const t = useText();
  const navigate = useNavigate();
  const history = useQuery(queries.history(instance.id));
  const rollBack = useApiMutation({
    run: (revision: number) =>
      bodyOf(api.POST('/api/v1/plans', { body: { verb: 'rollback', instance: instance.id, revision } })),
    changes: [],
    onDone: ({ id }) => void navigate(paths.plan(id)),
  });
  if (history.isError) return <ErrorView error={history.error} onRetry={() => void history.refetch()} />;
  const reasonFor = (revision: Schemas['Revision']) => {
    if (revision.number === instance.revision) return t('history.inForce');
    if (revision.result === 'failed') return t('history.failedOne');
    return busy;
  };
  return (
    <Table
      className="osc-boxed"
      size="small"
      rowKey="number"
      loading={history.isPending}
      dataSource={[...(history.data?.items ?? [])].sort((a, b) => b.number - a.number)}
      pagination={false}
      columns={[
        { title: t('instances.revision'), dataIndex: 'number', width: 110 },
        { title: t('service.version'), dataIndex: 'version' },
        { title: t('history.result'), render: (_, { result }) => <StateTag state={result} /> },
        { title: t('instances.created'), render: (_, { created_at }) => <TimeAgo time={created_at} /> },
        {
          title: t('common.actions'),
          width: 180,
          render: (_, revision) => (
            <ReasonButton
              size="small"
              reason={reasonFor(revision)}
              loading={rollBack.isPending && rollBack.variables === revision.number}
              onClick={() => rollBack.mutate(revision.number)}
            >
              {t('history.rollBack')}
            </ReasonButton>
          ),
        },
      ]}
    />
  );
}
