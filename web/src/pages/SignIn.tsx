// Signing in: by the one-time link whose token stands in the fragment, or by name and password.
import { useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, Input, Typography } from 'antd';
import { useEffect, useRef } from 'react';
import { useNavigate, useSearchParams } from 'react-router';

import { api, bodyOf } from '~/api/client';
import { asApiError } from '~/api/errors';
import { useApiMutation } from '~/hooks/useApiMutation';
import { usePreferences } from '~/hooks/usePreferences';
import { useText } from '~/i18n';
import { ErrorView } from '~/ui/ErrorView';
import { ownAddress } from '~/util/path-builder';

/** Where to go then, for a link that is opened in this tab later. */
const NEXT = 'osc.next';

type Credentials = { token: string } | { name: string; password: string };

export default function SignIn() {
  const t = useText();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [search] = useSearchParams();
  const { language, setLanguage } = usePreferences();
  const asked = search.get('next');
  const signIn = useApiMutation({
    run: (credentials: Credentials) => bodyOf(api.POST('/api/v1/session', { body: credentials })),
    changes: [],
    showError: false,
    onDone: () => {
      client.clear();
      const next = ownAddress(asked ?? sessionStorage.getItem(NEXT));
      sessionStorage.removeItem(NEXT);
      void navigate(next, { replace: true });
    },
  });
  useEffect(() => {
    if (asked) sessionStorage.setItem(NEXT, asked);
  }, [asked]);
  const started = useRef(false);
  useEffect(() => {
    const token = new URLSearchParams(window.location.hash.slice(1)).get('token');
    if (!token || started.current) return;
    started.current = true; // the link works once
    window.history.replaceState(null, '', window.location.pathname + window.location.search);
    signIn.mutate({ token });
  }, [signIn]);
  const next = language === 'en-US' ? 'zh-CN' : 'en-US';
  const usedLink = signIn.variables !== undefined && 'token' in signIn.variables;
  return (
    <main className="osc-signin">
      <div className="osc-signin-box osc-stack">
        <div className="osc-card-head">
          <img src="/favicon.svg" alt="" width={40} height={40} />
          <div>
            <Typography.Title level={1}>{t('signIn.title')}</Typography.Title>
            <span className="osc-muted">{t('signIn.subtitle')}</span>
          </div>
        </div>
        {search.has('ended') && !signIn.isError && (
          <Alert type="info" showIcon title={t('signIn.ended')} description={t('signIn.endedHelp')} />
        )}
        {signIn.isError &&
          (usedLink && asApiError(signIn.error).status === 401 ? (
            <Alert
              type="warning"
              showIcon
              title={t('signIn.linkOver')}
              description={
                <>
                  <p>{t('signIn.linkOverHelp')}</p>
                  <code>osc user link {'<name>'}</code>
                </>
              }
            />
          ) : (
            <ErrorView error={signIn.error} />
          ))}
        <Form
          layout="vertical"
          requiredMark={false}
          onFinish={(values: { name: string; password: string }) => signIn.mutate(values)}
        >
          <Form.Item
            name="name"
            label={t('signIn.name')}
            rules={[{ required: true, message: t('signIn.nameMissing') }]}
          >
            <Input autoComplete="username" autoFocus />
          </Form.Item>
          <Form.Item
            name="password"
            label={t('signIn.password')}
            rules={[{ required: true, message: t('signIn.passwordMissing') }]}
          >
            <Input.Password autoComplete="current-password" />
          </Form.Item>
          <Button type="primary" htmlType="submit" block loading={signIn.isPending}>
            {t('signIn.submit')}
          </Button>
        </Form>
        <p className="osc-field-help">{t('signIn.linkHelp')}</p>
        <Button type="link" size="small" lang={next} onClick={() => setLanguage(next)}>
          {next === 'zh-CN' ? '中文' : 'English'}
        </Button>
      </div>
    </main>
  );
}
