import { useQuery } from '@tanstack/react-query';
import { Card } from 'antd';

import type { Schemas } from '~/api/client';
import { queries } from '~/api/queries';
import { OperationsTable } from '~/components/OperationsTable';
import { StateTag } from '~/components/StateTag';
import { useText } from '~/i18n';
import { TimeAgo } from '~/ui/TimeAgo';

export function OverviewTab({ instance }: { instance: Schemas['Instance'] }) {
  const t = useText();
  const operations = useQuery(queries.operations(instance.id));
  const history = useQuery(queries.history(instance.id));
  const notes = history.data?.items.find(({ number }) => number === instance.revision)?.notes;
  return (
    <div className="osc-stack">
      <div className="osc-two">
        <Card size="small" title={<h2 className="ant-typography">{t('instance.operations')}</h2>}>
          <OperationsTable operations={operations.data?.items ?? []} loading={operations.isPending} />
        </Card>
        <dl className="osc-facts">
          <dt>{t('instances.state')}</dt>
          <dd>
            <StateTag state={instance.state} reason={instance.reason} />
          </dd>
          <dt>{t('instances.cluster')}</dt>
          <dd>{instance.cluster}</dd>
          <dt>{t('instances.namespace')}</dt>
          <dd>
            <code>{instance.namespace}</code>
          </dd>
          <dt>{t('instances.revision')}</dt>
          <dd>{instance.revision}</dd>
          <dt>{t('instances.created')}</dt>
          <dd>
            <TimeAgo time={instance.created_at} />
          </dd>
          {instance.description && (
            <>
              <dt>{t('deploy.description')}</dt>
              <dd>{instance.description}</dd>
            </>
          )}
          <dt>{t('instance.endpoints')}</dt>
          <dd>
            {instance.endpoints.length === 0 && (
              <span className="osc-muted">{t('instance.noEndpoints')}</span>
            )}
            {instance.endpoints.map(({ name, url, type }) => (
              <div key={`${name} ${url}`}>
                {/^https?:\/\//.test(url) ? (
                  <a href={url} target="_blank" rel="noopener noreferrer">
                    {url}
                  </a>
                ) : (
                  <code>{url}</code>
                )}{' '}
                <span className="osc-muted">{type}</span>
              </div>
            ))}
          </dd>
        </dl>
      </div>
      {notes && (
        <Card size="small" title={<h2 className="ant-typography">{t('instance.notes')}</h2>}>
          <pre className="osc-diff" tabIndex={0}>
            {notes}
          </pre>
        </Card>
      )}
    </div>
  );
}
