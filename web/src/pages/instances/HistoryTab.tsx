// Revisions of an instance, what each changed, and the way back to one.
import { useQuery } from '@tanstack/react-query';
import { Skeleton, Table } from 'antd';
import { Link, useNavigate } from 'react-router';

import { api, bodyOf, type Schemas } from '~/api/client';
import { queries } from '~/api/queries';
import { StateTag } from '~/components/StateTag';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { ErrorView } from '~/ui/ErrorView';
import { ReasonButton } from '~/ui/ReasonButton';
import { TimeAgo } from '~/ui/TimeAgo';
import { changesOf, shownValue, type JsonObject } from '~/util/changes';
import { paths } from '~/util/path-builder';

type Revision = Schemas['Revision'];

/** More changes of one revision are counted only. */
const SHOWN = 4;

type Props = { instance: Schemas['Instance']; busy: string | undefined };

export function HistoryTab({ instance, busy }: Props) {
  const t = useText();
  const navigate = useNavigate();
  const history = useQuery(queries.history(instance.id));
  const form = useQuery(queries.form(instance.service, instance.version));
  const rollBack = useApiMutation({
    run: (revision: number) =>
      bodyOf(api.POST('/api/v1/plans', { body: { verb: 'rollback', instance: instance.id, revision } })),
    changes: [],
    onDone: ({ id }) => void navigate(paths.plan(id)),
  });
  if (history.isError) return <ErrorView error={history.error} onRetry={() => void history.refetch()} />;
  if (history.isPending) return <Skeleton active />;
  const revisions = [...history.data.items].sort((a, b) => b.number - a.number);
  const reasonFor = (revision: Revision) => {
    if (revision.number === instance.revision) return t('history.inForce');
    if (revision.result === 'failed') return t('history.failedOne');
    return busy;
  };
  return (
    <Table
      className="osc-boxed"
      size="small"
      rowKey="number"
      dataSource={revisions}
      pagination={false}
      columns={[
        { title: t('instances.revision'), dataIndex: 'number', width: 100 },
        {
          title: t('service.version'),
          width: 130,
          render: (_, { version }) => <code>{version}</code>,
        },
        { title: t('history.result'), width: 150, render: (_, { result }) => <StateTag state={result} /> },
        {
          title: t('history.changed'),
          // What values are secret is known with the form; until then none is shown.
          render: (_, revision, index) =>
            form.data ? (
              <Changed revision={revision} before={revisions[index + 1]} secrets={form.data.secrets} />
            ) : null,
        },
        {
          title: t('instances.created'),
          width: 150,
          render: (_, { created_at, operation }) =>
            operation ? (
              <Link to={paths.operation(operation)}>
                <TimeAgo time={created_at} />
              </Link>
            ) : (
              <TimeAgo time={created_at} />
            ),
        },
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

type ChangedProps = { revision: Revision; before: Revision | undefined; secrets: string[] };

/** What a revision set differently from the one before it. */
function Changed({ revision, before, secrets }: ChangedProps) {
  const t = useText();
  const changes = changesOf((before?.values ?? {}) as JsonObject, revision.values as JsonObject);
  const upgraded = before && before.version !== revision.version;
  if (changes.length === 0 && !upgraded)
    return <span className="osc-muted">{before ? t('history.nothing') : t('instance.allDefaults')}</span>;
  return (
    <ul className="osc-changed">
      {upgraded && (
        <li>
          {t('service.version')} <code className="osc-muted">{before.version}</code> →{' '}
          <code>{revision.version}</code>
        </li>
      )}
      {changes.slice(0, SHOWN).map(({ path, before: from, after: to }) => (
        <li key={path}>
          <code>{path}</code>{' '}
          {from !== undefined && (
            <>
              <code className="osc-removed">{shownValue(from, path, secrets)}</code> →{' '}
            </>
          )}
          {to === undefined ? (
            <span className="osc-muted">{t('history.toDefault')}</span>
          ) : (
            <code className="osc-added">{shownValue(to, path, secrets)}</code>
          )}
        </li>
      ))}
      {changes.length > SHOWN && (
        <li className="osc-muted">{t('instance.more', { count: changes.length - SHOWN })}</li>
      )}
    </ul>
  );
}
