// What a person wants to know first: is it well, where is it reached, what happened last, what was changed.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Skeleton } from 'antd';
import { useMemo } from 'react';
import { Link } from 'react-router';

import type { Schemas } from '~/api/client';
import { queries } from '~/api/queries';
import { kindKey } from '~/components/OperationsTable';
import { duration } from '~/components/OperationSteps';
import { objectState, operationState, StateTag, toneOf } from '~/components/StateTag';
import { useText } from '~/i18n';
import { Chip } from '~/ui/Chip';
import { CopyButton } from '~/ui/CopyButton';
import { ErrorView } from '~/ui/ErrorView';
import { Panel } from '~/ui/Panel';
import { TimeAgo } from '~/ui/TimeAgo';
import { changesOf, merged, shownValue, type JsonObject } from '~/util/changes';
import { paths } from '~/util/path-builder';

type Props = { instance: Schemas['Instance'] };

const shownObjects = 8;
const shownChanges = 6;

export function OverviewTab({ instance }: Props) {
  const t = useText();
  const history = useQuery(queries.history(instance.id));
  const notes = history.data?.items.find(({ number }) => number === instance.revision)?.notes;
  return (
    <div className="osc-two">
      <div className="osc-stack">
        <Health instance={instance} />
        <Activity instance={instance} />
        {notes && (
          <Panel title={t('instance.notes')}>
            <pre className="osc-notes" tabIndex={0}>
              {notes}
            </pre>
          </Panel>
        )}
      </div>
      <div className="osc-stack">
        <Endpoints endpoints={instance.endpoints} />
        <Values instance={instance} />
      </div>
    </div>
  );
}

function Health({ instance }: Props) {
  const t = useText();
  const objects = useQuery(queries.objects(instance.id));
  if (objects.isError) return <ErrorView error={objects.error} onRetry={() => void objects.refetch()} />;
  const all = objects.data ?? [];
  const good = all.filter(({ state }) => toneOf(state) === 'good').length;
  // What needs a look comes first.
  const rank = (state: string) => ['bad', 'warn', 'busy', 'idle', 'good'].indexOf(toneOf(state));
  const sorted = [...all].sort((a, b) => rank(a.state) - rank(b.state));
  return (
    <Panel
      flush
      title={t('instance.health')}
      extra={
        objects.data && (
          <>
            <span>{t('instance.healthy', { good, all: all.length })}</span>
            {instance.checked_at && (
              <span>
                {t('instance.checked')} <TimeAgo time={instance.checked_at} />
              </span>
            )}
            <Link to={paths.instance(instance.id, 'objects')}>{t('instance.allObjects')}</Link>
          </>
        )
      }
    >
      {objects.isPending && <Skeleton active className="osc-quiet" />}
      {objects.data?.length === 0 && <div className="osc-quiet">{t('objects.empty')}</div>}
      <ul className="osc-list">
        {sorted.slice(0, shownObjects).map(({ api_version, kind, namespace, name, state, reason }) => (
          <li key={`${api_version} ${kind} ${namespace} ${name}`}>
            <span className="osc-kind">{kind}</span>
            <span className="osc-grow">
              <code>{name}</code>
              {reason && <div className="osc-step-message">{reason}</div>}
            </span>
            <StateTag state={objectState(state)} />
          </li>
        ))}
      </ul>
      {sorted.length > shownObjects && (
        <div className="osc-quiet osc-small">
          {t('instance.more', { count: sorted.length - shownObjects })}
        </div>
      )}
    </Panel>
  );
}

function Activity({ instance }: Props) {
  const t = useText();
  const operations = useInfiniteQuery(queries.operations(instance.id));
  const items = operations.data ?? [];
  return (
    <Panel flush title={t('instance.activity')}>
      {operations.isPending && <Skeleton active className="osc-quiet" />}
      {operations.data && items.length === 0 && <div className="osc-quiet">{t('instance.noActivity')}</div>}
      <ul className="osc-list">
        {items.slice(0, 6).map(({ id, kind, state, reason, created_at, started_at, finished_at }) => (
          <li key={id}>
            <span className="osc-kind">
              <StateTag state={operationState(state)} reason={reason} />
            </span>
            <span className="osc-grow">
              <Link to={paths.operation(id)}>{t(kindKey(kind))}</Link>
            </span>
            <span className="osc-muted osc-small">{duration(started_at, finished_at)}</span>
            <span className="osc-muted osc-small">
              <TimeAgo time={created_at} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Endpoints({ endpoints }: { endpoints: Schemas['Instance']['endpoints'] }) {
  const t = useText();
  return (
    <Panel flush title={t('instance.endpoints')}>
      {endpoints.length === 0 && <div className="osc-quiet osc-small">{t('instance.endpointsHelp')}</div>}
      <ul className="osc-list">
        {endpoints.map(({ name, url, type }) => (
          <li key={`${name} ${url}`}>
            <span className="osc-grow">
              {/^https?:\/\//.test(url) ? (
                <a href={url} target="_blank" rel="noopener noreferrer">
                  <code>{url}</code>
                </a>
              ) : (
                <code>{url}</code>
              )}
            </span>
            <Chip>{type}</Chip>
            <CopyButton text={url} label={t('instance.copyEndpoint', { url })} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Values({ instance }: Props) {
  const t = useText();
  const values = useQuery(queries.values(instance.id));
  const form = useQuery(queries.form(instance.service, instance.version));
  const changes = useMemo(() => {
    if (!values.data || !form.data) return [];
    const { defaults } = form.data;
    return changesOf(defaults, merged(defaults, values.data.overrides as JsonObject));
  }, [values.data, form.data]);
  return (
    <Panel
      flush
      title={t('instance.yourValues')}
      extra={<Link to={paths.instance(instance.id, 'values')}>{t('instance.values')}</Link>}
    >
      {values.data && form.data && changes.length === 0 && (
        <div className="osc-quiet osc-small">{t('instance.allDefaults')}</div>
      )}
      <ul className="osc-list">
        {changes.slice(0, shownChanges).map(({ path, after }) => (
          <li key={path}>
            <code className="osc-grow osc-muted">{path}</code>
            <code className="osc-added">{shownValue(after, path, form.data?.secrets ?? [])}</code>
          </li>
        ))}
      </ul>
      {changes.length > shownChanges && (
        <div className="osc-quiet osc-small">
          {t('instance.more', { count: changes.length - shownChanges })}
        </div>
      )}
    </Panel>
  );
}
