// How the console looks, who is signed in, tokens for programs, and for administrators the users.
import { useQuery } from '@tanstack/react-query';
import { Radio } from 'antd';

import { queries } from '~/api/queries';
import { usePreferences } from '~/hooks/usePreferences';
import { useText } from '~/i18n';
import { Chip } from '~/ui/Chip';
import { PageHeader } from '~/ui/PageHeader';
import { Panel } from '~/ui/Panel';

import { roleKey } from './roles';
import { Tokens } from './Tokens';
import { Users } from './Users';

export default function Settings() {
  const t = useText();
  const me = useQuery(queries.me());
  return (
    <>
      <PageHeader title={t('nav.settings')} subtitle={t('settings.subtitle')} />
      <div className="osc-two">
        <div className="osc-stack">
          <Tokens />
          {me.data?.platform_role === 'administrator' && <Users me={me.data} />}
        </div>
        <div className="osc-stack">
          <Look />
          {me.data && (
            <Panel title={t('settings.account')}>
              <dl className="osc-facts">
                <dt>{t('settings.signedIn')}</dt>
                <dd>{me.data.name}</dd>
                {me.data.platform_role && (
                  <>
                    <dt>{t('settings.platformRole')}</dt>
                    <dd>
                      <Chip tone="accent">{t(roleKey(me.data.platform_role))}</Chip>
                    </dd>
                  </>
                )}
                {me.data.tenants.map(({ name, role }) => (
                  <div key={name} style={{ display: 'contents' }}>
                    <dt>{t('settings.userRole', { tenant: name })}</dt>
                    <dd>
                      <Chip>{t(roleKey(role))}</Chip>
                    </dd>
                  </div>
                ))}
              </dl>
            </Panel>
          )}
          <About />
        </div>
      </div>
    </>
  );
}

function Look() {
  const t = useText();
  const { language, mode, setLanguage, setMode } = usePreferences();
  return (
    <Panel title={t('settings.look')}>
      <dl className="osc-facts">
        <dt id="settings-language">{t('settings.language')}</dt>
        <dd>
          <Radio.Group
            aria-labelledby="settings-language"
            value={language}
            onChange={(event) => setLanguage(event.target.value === 'zh-CN' ? 'zh-CN' : 'en-US')}
            options={[
              { value: 'en-US', label: <span lang="en">English</span> },
              { value: 'zh-CN', label: <span lang="zh-CN">中文</span> },
            ]}
          />
        </dd>
        <dt id="settings-mode">{t('settings.mode')}</dt>
        <dd>
          <Radio.Group
            aria-labelledby="settings-mode"
            value={mode}
            onChange={(event) => setMode(event.target.value === 'dark' ? 'dark' : 'light')}
            options={[
              { value: 'light', label: t('settings.light') },
              { value: 'dark', label: t('settings.dark') },
            ]}
          />
        </dd>
      </dl>
    </Panel>
  );
}

function About() {
  const t = useText();
  const about = useQuery(queries.about());
  if (!about.data) return null;
  const { version, limits } = about.data;
  const size = `${Math.round(limits.package_bytes / (1 << 20))} MB`;
  return (
    <Panel title={t('settings.about')}>
      <dl className="osc-facts">
        <dt>{t('settings.version')}</dt>
        <dd>
          <code>{version}</code>
        </dd>
        <dt>{t('settings.limits')}</dt>
        <dd>{t('upload.limits', { count: limits.packages_per_upload, size })}</dd>
      </dl>
    </Panel>
  );
}
