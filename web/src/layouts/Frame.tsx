// Language, theme and the places where messages and dialogs appear.
import { App as AntApp, ConfigProvider } from 'antd';
import enUS from 'antd/locale/en_US';
import zhCN from 'antd/locale/zh_CN';
import { useMemo, type ReactNode } from 'react';

import { PreferencesContext, usePreferencesState } from '~/hooks/usePreferences';
import { LanguageContext, translator } from '~/i18n';
import { themeOf } from '~/theme';
import { cspNonce } from '~/util/nonce';

export function Frame({ children }: { children: ReactNode }) {
  const preferences = usePreferencesState();
  const t = translator(preferences.language);
  const theme = useMemo(() => themeOf(preferences.mode), [preferences.mode]);
  return (
    <PreferencesContext value={preferences}>
      <LanguageContext value={preferences.language}>
        <ConfigProvider
          theme={theme}
          locale={preferences.language === 'zh-CN' ? zhCN : enUS}
          csp={{ nonce: cspNonce() }}
          button={{ autoInsertSpace: false }}
          form={{ colon: false }}
          renderEmpty={() => <span className="osc-muted">{t('common.nothing')}</span>}
        >
          <AntApp>{children}</AntApp>
        </ConfigProvider>
      </LanguageContext>
    </PreferencesContext>
  );
}
