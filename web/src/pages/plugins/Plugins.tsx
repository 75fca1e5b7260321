// Plugins: installing a component, what it may do, turning it on and off, taking it away.
import { BlockOutlined, PlusOutlined } from '@ant-design/icons';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Flex, Progress, Skeleton, Upload } from 'antd';
import { useState } from 'react';
import { useSearchParams } from 'react-router';

import { api, bodyOf, type Schemas } from '~/api/client';
import { queries } from '~/api/queries';
import { uploadPlugin } from '~/api/upload';
import { allowedIds, permissionsOf } from '~/components/grants';
import { ServiceLogo } from '~/components/ServiceLogo';
import { StateTag } from '~/components/StateTag';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { Chip } from '~/ui/Chip';
import { ConfirmDialog } from '~/ui/ConfirmDialog';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';
import { PageHeader } from '~/ui/PageHeader';
import { ReasonButton } from '~/ui/ReasonButton';

import { PluginDrawer } from './PluginDrawer';

type Plugin = Schemas['Plugin'];

export default function Plugins() {
  const t = useText();
  const client = useQueryClient();
  const [search, setSearch] = useSearchParams();
  const plugins = useQuery(queries.plugins());
  const [percent, setPercent] = useState(0);
  const [removing, setRemoving] = useState<Plugin | null>(null);
  const install = useApiMutation({
    run: (file: File) => uploadPlugin(file, setPercent),
    changes: ['plugins'],
    showError: false,
    onDone: ({ id }) => setSearch({ plugin: id }),
  });
  const remove = useApiMutation({
    run: (id: string) => api.DELETE('/api/v1/plugins/{id}', { params: { path: { id } } }),
    changes: ['plugins'],
    done: t('plugins.removed'),
    onDone: () => setRemoving(null),
  });
  const toggle = useApiMutation({
    run: ({ id, state }: Plugin) => {
      const path = { params: { path: { id } } };
      return state === 'enabled'
        ? bodyOf(api.POST('/api/v1/plugins/{id}/disable', path))
        : bodyOf(api.POST('/api/v1/plugins/{id}/enable', path));
    },
    changes: ['plugins'],
  });
  const items = plugins.data?.items ?? [];
  const shown = items.find(({ id }) => id === search.get('plugin'));
  const upload = (
    <Upload
      accept=".wasm"
      showUploadList={false}
      beforeUpload={(file) => {
        setPercent(0);
        install.mutate(file);
        return false;
      }}
    >
      <Button type="primary" icon={<PlusOutlined aria-hidden />} loading={install.isPending}>
        {t('plugins.install')}
      </Button>
    </Upload>
  );
  return (
    <>
      <PageHeader
        title={t('nav.plugins')}
        subtitle={`${t('plugins.subtitle')} ${t('plugins.installHelp')}`}
        actions={upload}
      />
      <div className="osc-stack">
        {install.isPending && (
          <div role="status">
            <Progress percent={percent} aria-label={t('plugins.installing')} />
            <span className="osc-muted">{t('plugins.installing')}</span>
          </div>
        )}
        {install.isError && <ErrorView error={install.error} />}
        {install.data && (
          <Alert type="success" showIcon closable title={t('plugins.installed', { id: install.data.id })} />
        )}
        {plugins.isError && <ErrorView error={plugins.error} onRetry={() => void plugins.refetch()} />}
        {plugins.isPending && <Skeleton active />}
        {plugins.data && items.length === 0 && (
          <EmptyView icon={<BlockOutlined aria-hidden />} title={t('plugins.empty')} action={upload}>
            {t('plugins.emptyHelp')}
          </EmptyView>
        )}
        <div className="osc-grid" data-wide>
          {items.map((plugin) => (
            <Card
              key={plugin.id}
              plugin={plugin}
              busy={toggle.isPending && toggle.variables.id === plugin.id}
              onOpen={() => setSearch({ plugin: plugin.id })}
              onToggle={() => toggle.mutate(plugin)}
              onRemove={() => setRemoving(plugin)}
            />
          ))}
        </div>
      </div>
      {shown && (
        <PluginDrawer
          plugin={shown}
          onClose={() => {
            setSearch({});
            void client.invalidateQueries({ queryKey: ['plugins'] });
          }}
        />
      )}
      {removing && (
        <ConfirmDialog
          title={t('plugins.removeTitle', { id: removing.id })}
          name={removing.id}
          action={t('common.remove')}
          busy={remove.isPending}
          onConfirm={() => remove.mutate(removing.id)}
          onClose={() => setRemoving(null)}
        >
          <p>{t('plugins.removeHelp')}</p>
        </ConfirmDialog>
      )}
    </>
  );
}

type CardProps = {
  plugin: Plugin;
  busy: boolean;
  onOpen: () => void;
  onToggle: () => void;
  onRemove: () => void;
};

function Card({ plugin, busy, onOpen, onToggle, onRemove }: CardProps) {
  const t = useText();
  const { id, version, description, roles, state, reason, source, faults, requested, grants } = plugin;
  const builtIn = source === 'built-in';
  return (
    <article className="osc-card" aria-label={id}>
      <div className="osc-card-head">
        <ServiceLogo name={id} />
        <div>
          <h2 className="ant-typography">{id}</h2>
          <code className="osc-muted">{version}</code>
        </div>
        <StateTag state={state} reason={reason} filled />
      </div>
      {description && <p>{description}</p>}
      <div className="osc-card-foot">
        {roles.map((role) => (
          <Chip key={role} tone="accent">
            {role}
          </Chip>
        ))}
        <Chip>{builtIn ? t('plugins.builtIn') : t('plugins.partner')}</Chip>
        <Chip>
          {t('plugins.granted', {
            count: allowedIds(requested, grants).size,
            all: permissionsOf(requested).length,
          })}
        </Chip>
        {faults > 0 && <Chip tone="bad">{t('plugins.faultsCount', { count: faults })}</Chip>}
      </div>
      <Flex gap={8} wrap>
        <Button size="small" onClick={onOpen}>
          {t('plugins.open')}
        </Button>
        <Button
          size="small"
          loading={busy}
          aria-label={`${state === 'enabled' ? t('plugins.disable') : t('plugins.enable')} ${id}`}
          onClick={onToggle}
        >
          {state === 'enabled' ? t('plugins.disable') : t('plugins.enable')}
        </Button>
        <ReasonButton
          size="small"
          danger
          reason={builtIn ? t('plugins.builtInStays') : undefined}
          aria-label={`${t('plugins.remove')} ${id}`}
          onClick={onRemove}
        >
          {t('common.remove')}
        </ReasonButton>
      </Flex>
    </article>
  );
}
