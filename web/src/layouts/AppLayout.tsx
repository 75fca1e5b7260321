// The frame of every page behind sign-in: menu, tenant, language, theme, user.
import {
  AppstoreOutlined,
  AuditOutlined,
  BlockOutlined,
  ClusterOutlined,
  DeploymentUnitOutlined,
  DisconnectOutlined,
  HistoryOutlined,
  MoonOutlined,
  SafetyOutlined,
  SettingOutlined,
  StarOutlined,
  SunOutlined,
  TranslationOutlined,
  UserOutlined,
} from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Button, Dropdown, Menu, Spin, Tooltip } from 'antd';
import { Suspense } from 'react';
import { Link, Navigate, Outlet, useLocation, useNavigate } from 'react-router';

import { api, type Schemas } from '~/api/client';
import { asApiError } from '~/api/errors';
import { queries } from '~/api/queries';
import { SimulatedNote } from '~/components/Simulated';
import { usePreferences } from '~/hooks/usePreferences';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useServerEvents } from '~/hooks/useServerEvents';
import { useText } from '~/i18n';
import { ErrorView } from '~/ui/ErrorView';
import { paths } from '~/util/path-builder';

export default function AppLayout() {
  const me = useQuery(queries.me());
  const { pathname, search } = useLocation();
  const lost = useServerEvents(me.isSuccess);
  // What was shown stays while the server is away; only a session that has ended sends to the door.
  const status = me.isError ? asApiError(me.error).status : 0;
  if (status === 401) return <Navigate to={paths.signIn(pathname + search, me.data !== undefined)} replace />;
  if (me.isError && !me.data) {
    return (
      <div className="osc-signin">
        <ErrorView error={me.error} onRetry={() => void me.refetch()} />
      </div>
    );
  }
  if (!me.data) return <Spin fullscreen />;
  return <Shell me={me.data} lost={lost} />;
}

function Shell({ me, lost }: { me: Schemas['Me']; lost: boolean }) {
  const t = useText();
  return (
    <div className="osc-shell">
      <a className="osc-skip" href="#main">
        {t('nav.skip')}
      </a>
      <aside className="osc-side">
        <Link to={paths.catalogue()} className="osc-brand">
          <img src="/favicon.svg" alt="" />
          OSC
        </Link>
        <Navigation role={me.platform_role} />
      </aside>
      <div className="osc-main">
        <TopBar name={me.name} />
        {lost && (
          <div className="osc-lost" role="status">
            <DisconnectOutlined aria-hidden />
            <strong>{t('error.lost')}</strong> {t('error.lostHelp')}
          </div>
        )}
        <main id="main" className="osc-page" tabIndex={-1}>
          <Suspense fallback={<Spin />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
    </div>
  );
}

function Navigation({ role }: { role: Schemas['Me']['platform_role'] }) {
  const t = useText();
  const { pathname } = useLocation();
  const entry = (to: string, label: string, icon: React.ReactNode) => ({
    key: to,
    icon,
    label: <Link to={to}>{label}</Link>,
  });
  const group = (label: string, children: ReturnType<typeof entry>[]) => ({
    key: label,
    type: 'group' as const,
    label,
    children,
  });
  const items = [
    group(t('nav.groupServices'), [
      entry(paths.catalogue(), t('nav.catalogue'), <AppstoreOutlined aria-hidden />),
      entry(paths.subscriptions(), t('nav.subscriptions'), <StarOutlined aria-hidden />),
    ]),
    group(t('nav.groupRun'), [
      entry(paths.instances(), t('nav.instances'), <DeploymentUnitOutlined aria-hidden />),
      entry(paths.operations(), t('nav.operations'), <HistoryOutlined aria-hidden />),
      entry(paths.clusters(), t('nav.clusters'), <ClusterOutlined aria-hidden />),
    ]),
    group(t('nav.groupManage'), [
      ...(role ? [entry(paths.reviews(), t('nav.reviews'), <SafetyOutlined aria-hidden />)] : []),
      ...(role === 'administrator'
        ? [entry(paths.plugins(), t('nav.plugins'), <BlockOutlined aria-hidden />)]
        : []),
      entry(paths.audit(), t('nav.audit'), <AuditOutlined aria-hidden />),
      entry(paths.settings(), t('nav.settings'), <SettingOutlined aria-hidden />),
    ]),
  ];
  const first = `/${pathname.split('/')[1] ?? ''}`;
  const selected = {
    '/services': paths.catalogue(),
    '/upload': paths.catalogue(),
    '/plans': paths.instances(),
  }[first];
  return (
    <nav aria-label={t('nav.menu')}>
      <Menu
        mode="inline"
        inlineIndent={10}
        selectedKeys={[selected ?? first]}
        items={items}
        style={{ borderInlineEnd: 0 }}
      />
    </nav>
  );
}

function TopBar({ name }: { name: string }) {
  const t = useText();
  const navigate = useNavigate();
  const { language, mode, setLanguage, setMode } = usePreferences();
  const signOut = useApiMutation({
    run: () => api.DELETE('/api/v1/session'),
    changes: ['me'],
    onDone: () => void navigate(paths.signIn()),
  });
  const next = language === 'en-US' ? 'zh-CN' : 'en-US';
  return (
    <header className="osc-top">
      <SimulatedNote />
      <span className="osc-spring" />
      <Button
        type="text"
        icon={<TranslationOutlined aria-hidden />}
        lang={next}
        onClick={() => setLanguage(next)}
      >
        {next === 'zh-CN' ? '中文' : 'English'}
      </Button>
      <Tooltip title={mode === 'dark' ? t('nav.light') : t('nav.dark')}>
        <Button
          type="text"
          icon={mode === 'dark' ? <SunOutlined aria-hidden /> : <MoonOutlined aria-hidden />}
          aria-label={mode === 'dark' ? t('nav.light') : t('nav.dark')}
          onClick={() => setMode(mode === 'dark' ? 'light' : 'dark')}
        />
      </Tooltip>
      <Dropdown
        trigger={['click']}
        menu={{ items: [{ key: 'out', label: t('nav.signOut'), onClick: () => signOut.mutate(undefined) }] }}
      >
        <Button type="text" icon={<UserOutlined aria-hidden />}>
          {name}
        </Button>
      </Dropdown>
    </header>
  );
}
