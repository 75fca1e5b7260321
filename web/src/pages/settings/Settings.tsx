import { useQuery } from '@tanstack/react-query';
import { Card, Radio, Table, Tag } from 'antd';

import { queries } from '~/api/queries';
import { usePreferences } from '~/hooks/usePreferences';
import { useText } from '~/i18n';
import { PageHeader } from '~/ui/PageHeader';

export default function Settings() {
  const t = useText();
  const me = useQuery(queries.me());
  const { language, mode, setLanguage, setMode } = usePreferences();
  return (
    <>
      <PageHeader title={t('nav.settings')} subtitle={t('settings.subtitle')} />
      <div className="osc-stack">
        <Card size="small" title={<h2 className="ant-typography">{t('settings.look')}</h2>}>
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
        </Card>
        <Card size="small" title={<h2 className="ant-typography">{t('settings.account')}</h2>}>
          <Table
            size="small"
            rowKey="name"
            pagination={false}
            dataSource={me.data?.tenants ?? []}
            columns={[
              { title: t('settings.tenant'), dataIndex: 'name' },
              { title: t('settings.role'), render: (_, { role }) => <Tag>{role}</Tag> },
            ]}
          />
          <p className="osc-hint">{t('settings.tokens')}</p>
        </Card>
      </div>
    </>
  );
}
