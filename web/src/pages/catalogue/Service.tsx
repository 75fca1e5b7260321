import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Flex, Skeleton, Tabs } from 'antd';
import { useParams, useSearchParams } from 'react-router';

import { api, bodyOf, type Schemas } from '~/api/client';
import { factsOf, type Facts } from '~/api/facts';
import { queries } from '~/api/queries';
import { LinkButton } from '~/components/LinkButton';
import { FindingsTable } from '~/components/FindingsTable';
import { PageError } from '~/components/PageError';
import { Provider } from '~/components/Provider';
import { ServiceLogo } from '~/components/ServiceLogo';
import { StateTag } from '~/components/StateTag';
import { VersionSelect } from '~/components/VersionSelect';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText, type TextKey } from '~/i18n';
import { Chip } from '~/ui/Chip';
import { ErrorView } from '~/ui/ErrorView';
import { Markdown } from '~/ui/Markdown';
import { PageHeader } from '~/ui/PageHeader';
import { Panel } from '~/ui/Panel';
import { ReasonButton } from '~/ui/ReasonButton';
import { TimeAgo } from '~/ui/TimeAgo';
import { paths } from '~/util/path-builder';

import { VersionsTable } from './VersionsTable';

export default function Service() {
  const t = useText();
  const { service: name = '' } = useParams();
  const [search, setSearch] = useSearchParams();
  const service = useQuery(queries.service(name));
  const versions = useQuery(queries.versions(name));
  const chosen = search.get('version') ?? service.data?.latest_version ?? versions.data?.items[0]?.version;
  const subscribe = useApiMutation({
    run: () => bodyOf(api.POST('/api/v1/subscriptions', { body: { service: name } })),
    changes: ['services', 'subscriptions'],
    done: t('service.subscribedNow'),
  });
  const trail = [{ label: t('nav.catalogue'), to: paths.catalogue() }];
  if (service.isError)
    return <PageError error={service.error} trail={trail} onRetry={() => void service.refetch()} />;
  if (!service.data) return <Skeleton active />;
  const { subscribed, latest_version, provider, kind, state, description } = service.data;
  const rejected = versions.data?.items.find(({ version }) => version === chosen)?.state === 'rejected';
  const reasons: [boolean, TextKey][] = [
    [!latest_version, 'service.noReadyVersion'],
    [rejected, 'service.versionRejected'],
    [!subscribed, 'service.subscribeFirst'],
  ];
  const reason = reasons.find(([holds]) => holds)?.[1];
  const deployReason = reason && t(reason);
  return (
    <>
      <PageHeader
        title={service.data.name}
        logo={<ServiceLogo name={service.data.name} />}
        subtitle={description}
        extra={
          <Flex gap={6} align="center">
            <Chip tone="accent">{kind}</Chip>
            <StateTag state={state} />
            <span className="osc-muted">
              <Provider name={provider} />
            </span>
          </Flex>
        }
        trail={trail}
        actions={
          <>
            <VersionSelect
              value={chosen}
              versions={versions.data?.items}
              onChange={(version) => setSearch({ version }, { replace: true })}
            />
            {!subscribed && (
              <Button
                type="primary"
                loading={subscribe.isPending}
                onClick={() => subscribe.mutate(undefined)}
              >
                {t('service.subscribe')}
              </Button>
            )}
            {deployReason ? (
              <ReasonButton reason={deployReason}>{t('service.deploy')}</ReasonButton>
            ) : (
              <LinkButton to={paths.deploy(name, chosen ?? undefined)} type="primary">
                {t('service.deploy')}
              </LinkButton>
            )}
          </>
        }
      />
      {chosen && (
        <VersionTabs
          service={name}
          provider={provider}
          version={chosen}
          versions={versions.data?.items ?? []}
        />
      )}
    </>
  );
}

type TabsProps = { service: string; provider: string; version: string; versions: Schemas['Version'][] };

function VersionTabs({ service, provider, version, versions }: TabsProps) {
  const t = useText();
  const shown = useQuery(queries.version(service, version));
  const readme = useQuery({
    ...queries.readme(service, version),
    enabled: shown.data?.has_readme === true,
  });
  if (shown.isError) return <ErrorView error={shown.error} onRetry={() => void shown.refetch()} />;
  if (!shown.data) return <Skeleton active />;
  const facts = factsOf(shown.data.facts);
  const rejected = shown.data.state === 'rejected';
  return (
    <Tabs
      key={version}
      defaultActiveKey={rejected ? 'findings' : 'about'}
      items={[
        {
          key: 'about',
          label: t('service.about'),
          children: (
            <div className="osc-two">
              <Panel title={t('service.readme')}>
                {shown.data.has_readme && readme.isPending && <Skeleton active />}
                {readme.isError && <ErrorView error={readme.error} onRetry={() => void readme.refetch()} />}
                {readme.data && <Markdown text={readme.data} />}
                {!shown.data.has_readme && <span className="osc-muted">{t('service.noReadme')}</span>}
              </Panel>
              <Panel title={t('service.facts')}>
                <FactsList facts={facts} version={shown.data} />
              </Panel>
            </div>
          ),
        },
        {
          key: 'findings',
          label: t('service.findings', { count: shown.data.findings.length }),
          children: (
            <div className="osc-stack">
              {rejected && (
                <Alert
                  type="error"
                  showIcon
                  title={t('service.rejected')}
                  description={t('error.wayPackage')}
                />
              )}
              <FindingsTable findings={shown.data.findings} />
            </div>
          ),
        },
        {
          key: 'versions',
          label: t('service.versions', { count: versions.length }),
          children: <VersionsTable provider={provider} versions={versions} />,
        },
      ]}
    />
  );
}

function FactsList({ facts, version }: { facts: Facts; version: Schemas['Version'] }) {
  const t = useText();
  const rows: [string, React.ReactNode][] = [
    [t('service.state'), <StateTag key="state" state={version.state} reason={version.state_reason} />],
    [t('service.uploaded'), <TimeAgo key="time" time={version.created_at} />],
  ];
  const add = (label: string, value: React.ReactNode) => value && rows.push([label, value]);
  add(t('service.appVersion'), facts.app_version);
  add(t('service.kubeVersion'), facts.kube_version && <code>{facts.kube_version}</code>);
  add(t('service.license'), facts.license);
  add(t('service.maintainers'), facts.maintainers?.map(({ name }) => name).join(', '));
  if (facts.home && /^https?:\/\//.test(facts.home)) {
    add(
      t('service.home'),
      <a href={facts.home} target="_blank" rel="noopener noreferrer nofollow">
        {facts.home}
      </a>,
    );
  }
  add(t('service.dependencies'), facts.dependencies?.map((d) => `${d.name} ${d.version}`).join(', '));
  add(t('service.crds'), facts.crds?.length && <CodeList items={facts.crds} />);
  add(t('service.images'), facts.images?.length && <CodeList items={facts.images} />);
  add(t('service.digest'), <code>{version.digest.slice(0, 19)}…</code>);
  return (
    <dl className="osc-facts">
      {rows.map(([label, value]) => (
        <div key={label} style={{ display: 'contents' }}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const CodeList = ({ items }: { items: string[] }) => (
  <Flex vertical gap={2}>
    {items.map((item) => (
      <code key={item}>{item}</code>
    ))}
  </Flex>
);
