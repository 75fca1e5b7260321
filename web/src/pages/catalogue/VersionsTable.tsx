// Versions of a service, and for its provider the way of each to other tenants.
import { useQuery } from '@tanstack/react-query';
import { Button, Flex, Table } from 'antd';
import { Link } from 'react-router';

import { api, bodyOf, type Schemas } from '~/api/client';
import { queries } from '~/api/queries';
import { StateTag } from '~/components/StateTag';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText, type TextKey } from '~/i18n';
import { TimeAgo } from '~/ui/TimeAgo';
import { paths } from '~/util/path-builder';

type Version = Schemas['Version'];
type Step = 'submit' | 'publish' | 'suspend' | 'withdraw';

const labels: Record<Step, TextKey> = {
  submit: 'publish.submit',
  publish: 'publish.publish',
  suspend: 'publish.suspend',
  withdraw: 'publish.withdraw',
};

/** What can be done next; a reviewer's own version needs nobody else. */
export function stepsOf(state: string, reviewer: boolean): Step[] {
  switch (state) {
    case 'ready':
    case 'refused':
      return reviewer ? ['publish'] : ['submit'];
    case 'submitted':
      return reviewer ? ['publish', 'withdraw'] : ['withdraw'];
    case 'approved':
      return ['publish', 'withdraw'];
    case 'published':
      return ['suspend', 'withdraw'];
    case 'suspended':
      return ['publish', 'withdraw'];
    case 'withdrawn':
      return reviewer ? ['publish'] : ['submit'];
    default:
      return [];
  }
}

export function VersionsTable({ provider, versions }: { provider: string; versions: Version[] }) {
  const t = useText();
  const me = useQuery(queries.me());
  const own = me.data?.tenant === provider;
  const reviewer = Boolean(me.data?.platform_role);
  const move = useApiMutation({
    run: ({ step, version: { service, version } }: { step: Step; version: Version }) => {
      const params = { params: { path: { name: service, version } } };
      switch (step) {
        case 'submit':
          return bodyOf(api.POST('/api/v1/services/{name}/versions/{version}/submit', params));
        case 'publish':
          return bodyOf(api.POST('/api/v1/services/{name}/versions/{version}/publish', params));
        case 'suspend':
          return bodyOf(api.POST('/api/v1/services/{name}/versions/{version}/suspend', params));
        case 'withdraw':
          return bodyOf(api.POST('/api/v1/services/{name}/versions/{version}/withdraw', params));
      }
    },
    changes: ['services', 'reviews'],
    done: t('publish.done'),
  });
  const busy = (step: Step, { version }: Version) =>
    move.isPending && move.variables.step === step && move.variables.version.version === version;
  return (
    <Table
      className="osc-boxed"
      size="small"
      rowKey="version"
      dataSource={versions}
      pagination={false}
      columns={[
        {
          title: t('service.version'),
          render: (_, { service, version }) => (
            <Link to={`${paths.service(service)}?version=${encodeURIComponent(version)}`}>{version}</Link>
          ),
        },
        {
          title: t('service.state'),
          render: (_, { state, state_reason }) => <StateTag state={state} reason={state_reason} />,
        },
        { title: t('service.uploaded'), render: (_, { created_at }) => <TimeAgo time={created_at} /> },
        { title: t('service.findingsCount'), render: (_, { findings }) => findings.length },
        ...(own
          ? [
              {
                title: t('common.actions'),
                render: (_: unknown, version: Version) => (
                  <Flex gap={8}>
                    {stepsOf(version.state, reviewer).map((step) => (
                      <Button
                        key={step}
                        size="small"
                        aria-label={`${t(labels[step])} ${version.version}`}
                        loading={busy(step, version)}
                        onClick={() => move.mutate({ step, version })}
                      >
                        {t(labels[step])}
                      </Button>
                    ))}
                  </Flex>
                ),
              },
            ]
          : []),
      ]}
    />
  );
}
