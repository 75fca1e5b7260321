// Changing values of an instance, at its version or a newer one, then the plan with differences.
import { useQuery } from '@tanstack/react-query';
import { Button, Skeleton } from 'antd';
import { useState } from 'react';
import { useNavigate, useParams, useSearchParams } from 'react-router';

import { api, bodyOf, type Schemas } from '~/api/client';
import type { FormDocument } from '~/api/form';
import { queries } from '~/api/queries';
import { PageError } from '~/components/PageError';
import { VersionSelect } from '~/components/VersionSelect';
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

export default function Edit() {
  const t = useText();
  const { id = '' } = useParams();
  const [search, setSearch] = useSearchParams();
  const instance = useQuery(queries.instance(id));
  const values = useQuery(queries.values(id));
  const service = instance.data?.service ?? '';
  const versions = useQuery({ ...queries.versions(service), enabled: service !== '' });
  const version = search.get('version') ?? instance.data?.version ?? '';
  const form = useQuery({ ...queries.form(service, version), enabled: service !== '' });
  const failed = instance.error ?? values.error ?? form.error;
  const instances = { label: t('nav.instances'), to: paths.instances() };
  if (failed) return <PageError error={failed} trail={[instances]} onRetry={() => void form.refetch()} />;
  if (!instance.data) return <Skeleton active />;
  const name = instance.data.name;
  return (
    <>
      <PageHeader
        title={t('edit.title', { name })}
        subtitle={t('edit.subtitle')}
        trail={[instances, { label: name, to: paths.instance(id) }]}
        actions={
          <VersionSelect
            value={version}
            versions={versions.data?.items.filter(({ state }) => state !== 'rejected')}
            onChange={(next) => setSearch({ version: next }, { replace: true })}
          />
        }
      />
      {form.data && values.data !== undefined ? (
        <EditForm
          key={version}
          instance={instance.data}
          version={version}
          form={form.data}
          start={values.data.overrides as JsonObject}
        />
      ) : (
        <Skeleton active />
      )}
    </>
  );
}

type Props = { instance: Schemas['Instance']; version: string; form: FormDocument; start: JsonObject };

function EditForm({ instance, version, form, start }: Props) {
  const t = useText();
  const navigate = useNavigate();
  const [overrides, setOverrides] = useState(start);
  const [readable, setReadable] = useState(true);
  const choices = useChoices(instance.cluster, instance.namespace);
  const verb = version === instance.version ? 'update' : 'upgrade';
  const plan = useApiMutation({
    run: () =>
      bodyOf(
        api.POST('/api/v1/plans', {
          body: { verb, instance: instance.id, version, values: overrides, reset_values: true },
        }),
      ),
    changes: [],
    showError: false,
    onDone: ({ id }) => void navigate(paths.plan(id)),
  });
  return (
    <div className="osc-stack">
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
          onClick={() => plan.mutate(undefined)}
        >
          {t('deploy.preview')}
        </ReasonButton>
        <Button size="large" onClick={() => void navigate(paths.instance(instance.id))}>
          {t('common.cancel')}
        </Button>
        <span className="osc-muted osc-small">{t('deploy.previewHelp')}</span>
      </div>
    </div>
  );
}
