// Tokens of the caller: made here, shown once.
import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Form, Input, Select, Table } from 'antd';

import { api, bodyOf } from '~/api/client';
import { queries } from '~/api/queries';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { CopyButton } from '~/ui/CopyButton';
import { ErrorView } from '~/ui/ErrorView';
import { Panel } from '~/ui/Panel';
import { TimeAgo } from '~/ui/TimeAgo';

type Wish = { name: string; days: number };

export function Tokens() {
  const t = useText();
  const tokens = useQuery(queries.tokens());
  const [form] = Form.useForm<Wish>();
  const make = useApiMutation({
    run: ({ name, days }: Wish) =>
      bodyOf(api.POST('/api/v1/tokens', { body: { name, ...(days > 0 && { days }) } })),
    changes: ['tokens', 'audit'],
    onDone: () => form.resetFields(),
  });
  const remove = useApiMutation({
    run: (id: string) => api.DELETE('/api/v1/tokens/{id}', { params: { path: { id } } }),
    changes: ['tokens', 'audit'],
    done: t('settings.tokenRemoved'),
  });
  return (
    <Panel flush title={t('settings.tokensTitle')}>
      <div className="osc-panel-body osc-stack">
        <p className="osc-hint">{t('settings.tokensHelp')}</p>
        <Form
          name="token"
          form={form}
          layout="vertical"
          className="osc-inline"
          requiredMark={false}
          initialValues={{ days: 90 }}
          onFinish={(wish) => make.mutate(wish)}
        >
          <Form.Item
            name="name"
            label={t('settings.tokenName')}
            rules={[{ required: true, message: t('common.required') }]}
          >
            <Input maxLength={60} placeholder="ci" autoComplete="off" />
          </Form.Item>
          <Form.Item name="days" label={t('settings.tokenDays')}>
            <Select
              style={{ width: 150 }}
              options={[
                ...[30, 90, 365].map((value) => ({
                  value,
                  label: t('settings.tokenDaysCount', { count: value }),
                })),
                { value: 0, label: t('settings.tokenForever') },
              ]}
            />
          </Form.Item>
          <Button type="primary" htmlType="submit" loading={make.isPending}>
            {t('settings.tokenMake')}
          </Button>
        </Form>
        {make.data && (
          <Alert
            type="success"
            showIcon
            title={t('settings.tokenMade')}
            description={
              <span className="osc-row">
                <code>{make.data.token}</code>
                <CopyButton text={make.data.token} label={t('settings.tokenCopy')} />
              </span>
            }
          />
        )}
        {tokens.isError && <ErrorView error={tokens.error} onRetry={() => void tokens.refetch()} />}
      </div>
      <Table
        size="small"
        rowKey="id"
        pagination={false}
        loading={tokens.isPending}
        dataSource={tokens.data?.items ?? []}
        locale={{ emptyText: t('settings.tokensNone') }}
        columns={[
          { title: t('settings.tokenName'), dataIndex: 'name' },
          { title: t('instances.created'), render: (_, { created_at }) => <TimeAgo time={created_at} /> },
          {
            title: t('settings.tokenUsed'),
            render: (_, { last_used_at }) =>
              last_used_at ? <TimeAgo time={last_used_at} /> : t('settings.tokenNever'),
          },
          {
            title: t('settings.tokenExpires'),
            render: (_, { expires_at }) =>
              expires_at ? <TimeAgo time={expires_at} /> : t('settings.tokenNever'),
          },
          {
            title: t('common.actions'),
            width: 110,
            render: (_, { id, name }) => (
              <Button
                size="small"
                danger
                aria-label={t('settings.tokenRemove', { name })}
                loading={remove.isPending && remove.variables === id}
                onClick={() => remove.mutate(id)}
              >
                {t('common.remove')}
              </Button>
            ),
          },
        ]}
      />
    </Panel>
  );
}
