// One plugin: what it asks for, what it is allowed, and what it wrote.
import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Checkbox, Drawer, Flex } from 'antd';
import { useState } from 'react';

import { api, bodyOf, type Schemas } from '~/api/client';
import { queries } from '~/api/queries';
import { allowedIds, grantsOf, idOf, meaningOf, permissionsOf } from '~/components/grants';
import { StateTag } from '~/components/StateTag';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { CopyButton } from '~/ui/CopyButton';
import { ErrorView } from '~/ui/ErrorView';
import { Panel } from '~/ui/Panel';
import { ReasonButton } from '~/ui/ReasonButton';

type Plugin = Schemas['Plugin'];

export function PluginDrawer({ plugin, onClose }: { plugin: Plugin; onClose: () => void }) {
  const t = useText();
  const [open, setOpen] = useState(true);
  const rebuild = useApiMutation({
    run: () => bodyOf(api.POST('/api/v1/plugins/{id}/rebuild', { params: { path: { id: plugin.id } } })),
    changes: ['plugins'],
    done: t('plugins.rebuilt', { id: plugin.id }),
  });
  return (
    <Drawer
      open={open}
      onClose={() => setOpen(false)}
      // Only then is the focus back where it was.
      afterOpenChange={(shown) => shown || onClose()}
      size={620}
      title={t('plugins.details', { id: plugin.id })}
    >
      <div className="osc-stack">
        {plugin.description && <p>{plugin.description}</p>}
        {plugin.reason && (
          <Alert type={plugin.state === 'faulted' ? 'error' : 'warning'} showIcon title={plugin.reason} />
        )}
        <dl className="osc-facts">
          <dt>{t('service.state')}</dt>
          <dd>
            <StateTag state={plugin.state} />
          </dd>
          <dt>{t('service.version')}</dt>
          <dd>
            <code>{plugin.version}</code>
          </dd>
          <dt>{t('plugins.roles')}</dt>
          <dd>{plugin.roles.join(', ')}</dd>
          <dt>{t('plugins.digest')}</dt>
          <dd>
            <code>{plugin.digest.slice(0, 23)}…</code>
            <CopyButton text={plugin.digest} label={t('plugins.digest')} />
          </dd>
        </dl>
        <Grants key={`${plugin.digest} ${JSON.stringify(plugin.grants)}`} plugin={plugin} />
        <Log id={plugin.id} />
        <Panel title={t('plugins.rebuild')}>
          <p>{t('plugins.rebuildHelp')}</p>
          <Button size="small" loading={rebuild.isPending} onClick={() => rebuild.mutate(undefined)}>
            {t('plugins.rebuild')}
          </Button>
        </Panel>
      </div>
    </Drawer>
  );
}

function Grants({ plugin }: { plugin: Plugin }) {
  const t = useText();
  const asked = permissionsOf(plugin.requested);
  const before = allowedIds(plugin.requested, plugin.grants);
  const [allowed, setAllowed] = useState(before);
  const save = useApiMutation({
    run: (grants: unknown) =>
      bodyOf(api.PUT('/api/v1/plugins/{id}/grants', { params: { path: { id: plugin.id } }, body: grants })),
    changes: ['plugins'],
    done: t('plugins.saved'),
  });
  const toggle = (id: string, on: boolean) => {
    const next = new Set(allowed);
    if (on) next.add(id);
    else next.delete(id);
    setAllowed(next);
  };
  const same = allowed.size === before.size && [...allowed].every((id) => before.has(id));
  return (
    <Panel title={t('plugins.asks')} extra={t('plugins.granted', { count: allowed.size, all: asked.length })}>
      {asked.length === 0 && <span className="osc-muted">{t('plugins.asksNothing')}</span>}
      <Flex vertical gap={10}>
        {asked.map((permission) => {
          const [key, values] = meaningOf(permission);
          const id = idOf(permission);
          return (
            <Checkbox
              key={id}
              checked={allowed.has(id)}
              onChange={(event) => toggle(id, event.target.checked)}
            >
              {t(key, values)}
            </Checkbox>
          );
        })}
        {plugin.grants === 'requested' && <span className="osc-muted osc-small">{t('plugins.all')}</span>}
        {asked.length > 0 && (
          <Flex gap={8} wrap>
            <ReasonButton
              type="primary"
              size="small"
              reason={same ? t('plugins.noChange') : undefined}
              loading={save.isPending}
              onClick={() => save.mutate(grantsOf(asked.filter((item) => allowed.has(idOf(item)))))}
            >
              {t('plugins.save')}
            </ReasonButton>
            <Button size="small" onClick={() => setAllowed(new Set(asked.map(idOf)))}>
              {t('plugins.grantAll')}
            </Button>
            <Button size="small" onClick={() => setAllowed(new Set())}>
              {t('plugins.grantNone')}
            </Button>
          </Flex>
        )}
      </Flex>
    </Panel>
  );
}

function Log({ id }: { id: string }) {
  const t = useText();
  const logs = useQuery(queries.pluginLogs(id));
  if (logs.isError) return <ErrorView error={logs.error} onRetry={() => void logs.refetch()} />;
  const lines = logs.data?.items ?? [];
  return (
    <Panel title={t('plugins.log')}>
      {logs.data && lines.length === 0 ? (
        <span className="osc-muted">{t('plugins.noLog')}</span>
      ) : (
        <pre className="osc-notes" tabIndex={0} aria-label={t('plugins.log')}>
          {lines
            .map(({ time, level, message }) => `${time.slice(11, 19)} ${level.padEnd(5)} ${message}\n`)
            .join('')}
        </pre>
      )}
    </Panel>
  );
}
