// Deploying: where, with which values, then the plan to look at.
import { useQuery } from '@tanstack/react-query';
import { AutoComplete, Button, Form, Input, Select, Skeleton } from 'antd';
import { useDeferredValue, useMemo, useState } from 'react';
import { useNavigate, useParams, useSearchParams } from 'react-router';

import { api, bodyOf } from '~/api/client';
import type { FormDocument } from '~/api/form';
import { queries } from '~/api/queries';
import { PageError } from '~/components/PageError';
import { SimulatedChip, useSimulated } from '~/components/Simulated';
import { ValuesEditor } from '~/forms/values/ValuesEditor';
import { useChoices } from '~/hooks/useChoices';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { ErrorView } from '~/ui/ErrorView';
import { PageHeader } from '~/ui/PageHeader';
import { Panel } from '~/ui/Panel';
import { ReasonButton } from '~/ui/ReasonButton';
import type { JsonObject } from '~/util/changes';
import { paths } from '~/util/path-builder';

type Place = { name: string; cluster: string; namespace: string; description?: string };

const label = /^[a-z]([-a-z0-9]{0,51}[a-z0-9])?$/;

/** `redis-x7k2p9`: the service's name and six random characters. */
function suggestedName(service: string): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789';
  const random = crypto.getRandomValues(new Uint8Array(6));
  const stem =
    service
      .toLowerCase()
      .replace(/[^a-z0-9-]+/g, '-')
      .replace(/^[^a-z]+/, '')
      .slice(0, 46) || 'instance';
  return `${stem}-${[...random].map((byte) => letters[byte % letters.length]).join('')}`;
}

export default function Deploy() {
  const t = useText();
  const { service = '' } = useParams();
  const [search] = useSearchParams();
  const shown = useQuery(queries.service(service));
  const version = search.get('version') ?? shown.data?.latest_version ?? '';
  const form = useQuery({ ...queries.form(service, version), enabled: version !== '' });
  const failed = shown.error ?? form.error;
  const trail = [
    { label: t('nav.catalogue'), to: paths.catalogue() },
    { label: service, to: paths.service(service) },
  ];
  if (failed) return <PageError error={failed} trail={trail} onRetry={() => void form.refetch()} />;
  return (
    <>
      <PageHeader
        title={t('deploy.title', { service, version })}
        subtitle={t('deploy.subtitle')}
        trail={trail}
      />
      {form.data ? <DeployForm service={service} version={version} form={form.data} /> : <Skeleton active />}
    </>
  );
}

function DeployForm({ service, version, form }: { service: string; version: string; form: FormDocument }) {
  const t = useText();
  const navigate = useNavigate();
  const clusters = useQuery(queries.clusters());
  const [place] = Form.useForm<Place>();
  const cluster = Form.useWatch('cluster', place) ?? '';
  const namespace = useDeferredValue(Form.useWatch('namespace', place) ?? '');
  const namespaces = useQuery(queries.namespaces(cluster));
  const choices = useChoices(cluster, namespaces.data?.includes(namespace) ? namespace : '');
  const [overrides, setOverrides] = useState<JsonObject>({});
  const [readable, setReadable] = useState(true);
  const initial = useMemo(() => ({ name: suggestedName(service), namespace: 'default' }), [service]);
  const plan = useApiMutation({
    run: (where: Place) =>
      bodyOf(
        api.POST('/api/v1/plans', {
          body: { verb: 'install', service, version, ...where, values: overrides },
        }),
      ),
    changes: [],
    showError: false,
    onDone: ({ id }) => void navigate(paths.plan(id)),
  });
  const listed = clusters.data?.items ?? [];
  const simulated = useSimulated();
  const required = { required: true, message: t('common.required') };
  return (
    <div className="osc-stack">
      <Panel title={t('deploy.where')} extra={<SimulatedChip cluster={cluster} />}>
        <Form
          name="place"
          form={place}
          layout="vertical"
          initialValues={initial}
          onFinish={(where) => plan.mutate(where)}
        >
          <div className="osc-where">
            <Form.Item
              name="name"
              label={t('instances.name')}
              extra={t('deploy.nameHelp')}
              rules={[required, { pattern: label, message: t('deploy.nameInvalid') }]}
            >
              <Input autoComplete="off" />
            </Form.Item>
            <Form.Item name="cluster" label={t('instances.cluster')} rules={[required]}>
              <Select
                loading={clusters.isPending}
                placeholder={t('deploy.pickCluster')}
                notFoundContent={t('deploy.noCluster')}
                options={listed.map(({ name, region, state }) => ({
                  value: name,
                  label: [name, region, simulated.includes(name) && t('clusters.simulated')]
                    .filter(Boolean)
                    .join(' · '),
                  disabled: state === 'unreachable',
                  title: state === 'unreachable' ? t('deploy.unreachable') : `${name} · ${region}`,
                }))}
              />
            </Form.Item>
            <Form.Item
              name="namespace"
              label={t('instances.namespace')}
              extra={t('deploy.namespaceSuggest')}
              rules={[required]}
            >
              <AutoComplete
                options={namespaces.data?.map((value) => ({ value })) ?? []}
                showSearch={{
                  filterOption: (typed, option) => option?.value.startsWith(typed) ?? false,
                }}
              />
            </Form.Item>
            <Form.Item name="description" label={t('deploy.description')}>
              <Input maxLength={200} autoComplete="off" />
            </Form.Item>
          </div>
        </Form>
      </Panel>
      <Panel title={t('deploy.values')}>
        <ValuesEditor
          form={form}
          overrides={overrides}
          onChange={setOverrides}
          onReadable={setReadable}
          choices={choices}
        />
      </Panel>
      {plan.isError && <ErrorView error={plan.error} />}
      <div className="osc-actions">
        <ReasonButton
          type="primary"
          size="large"
          reason={readable ? undefined : t('values.unreadable')}
          loading={plan.isPending}
          onClick={() => place.submit()}
        >
          {t('deploy.preview')}
        </ReasonButton>
        <Button size="large" onClick={() => void navigate(paths.service(service))}>
          {t('common.cancel')}
        </Button>
        <span className="osc-muted osc-small">{t('deploy.previewHelp')}</span>
      </div>
    </div>
  );
}
