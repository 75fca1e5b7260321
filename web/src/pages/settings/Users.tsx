// Users of the platform and their role in the administrator's own tenant.
import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Flex, Form, Input, Select, Table } from 'antd';

import { api, bodyOf, type Schemas } from '~/api/client';
import { queries } from '~/api/queries';
import { StateTag } from '~/components/StateTag';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { Chip } from '~/ui/Chip';
import { CopyButton } from '~/ui/CopyButton';
import { ErrorView } from '~/ui/ErrorView';
import { Panel } from '~/ui/Panel';
import { ReasonButton } from '~/ui/ReasonButton';

import { roleKey, tenantRoles } from './roles';

type Wish = { name: string; role: string };

export function Users({ me }: { me: Schemas['Me'] }) {
  const t = useText();
  const tenant = me.tenant ?? '';
  const users = useQuery(queries.users());
  const members = useQuery(queries.members(tenant));
  const [form] = Form.useForm<Wish>();
  const changes = ['users', 'tenants', 'audit'];
  const setRole = ({ name, role }: Wish) =>
    bodyOf(
      api.PUT('/api/v1/tenants/{name}/members/{user}', {
        params: { path: { name: tenant, user: name } },
        body: { role },
      }),
    );
  const add = useApiMutation({
    run: async (wish: Wish) => {
      await api.POST('/api/v1/users', { body: { name: wish.name } });
      return setRole(wish);
    },
    changes,
    done: t('settings.userAdded'),
    onDone: () => form.resetFields(),
  });
  const change = useApiMutation({ run: setRole, changes });
  const disable = useApiMutation({
    run: ({ name, disabled }: Schemas['User']) =>
      bodyOf(
        api.PATCH('/api/v1/users/{name}', { params: { path: { name } }, body: { disabled: !disabled } }),
      ),
    changes,
  });
  const link = useApiMutation({
    run: (name: string) =>
      bodyOf(api.POST('/api/v1/users/{name}/link', { params: { path: { name } } })).then(({ token }) => ({
        name,
        address: `${window.location.origin}/sign-in#token=${token}`,
      })),
    changes: ['audit'],
  });
  const roleOf = (name: string) => members.data?.items.find(({ user }) => user === name)?.role;
  const options = tenantRoles.map((value) => ({ value, label: t(roleKey(value)) }));
  return (
    <Panel flush title={t('settings.users')}>
      <div className="osc-panel-body osc-stack">
        <p className="osc-hint">{t('settings.usersHelp')}</p>
        <Form
          name="user"
          form={form}
          layout="vertical"
          className="osc-inline"
          requiredMark={false}
          initialValues={{ role: 'consumer' }}
          onFinish={(wish) => add.mutate(wish)}
        >
          <Form.Item
            name="name"
            label={t('settings.userName')}
            rules={[{ required: true, message: t('common.required') }]}
          >
            <Input maxLength={63} autoComplete="off" />
          </Form.Item>
          <Form.Item name="role" label={t('settings.userRole', { tenant })}>
            <Select style={{ width: 140 }} options={options} />
          </Form.Item>
          <Button htmlType="submit" loading={add.isPending}>
            {t('settings.userAdd')}
          </Button>
        </Form>
        {link.data && (
          <Alert
            type="success"
            showIcon
            title={t('settings.userLinkMade', { name: link.data.name })}
            description={
              <span className="osc-row">
                <code className="osc-grow">{link.data.address}</code>
                <CopyButton text={link.data.address} label={t('settings.userLinkCopy')} />
              </span>
            }
          />
        )}
        {users.isError && <ErrorView error={users.error} onRetry={() => void users.refetch()} />}
      </div>
      <Table
        size="small"
        rowKey="name"
        pagination={false}
        loading={users.isPending}
        dataSource={users.data?.items ?? []}
        columns={[
          { title: t('settings.userName'), render: (_, { name }) => <strong>{name}</strong> },
          {
            title: t('service.state'),
            render: (_, { disabled }) => <StateTag state={disabled ? 'disabled' : 'active'} />,
          },
          {
            title: t('settings.userRole', { tenant }),
            // One's own role is changed by somebody else.
            render: (_, { name }) =>
              name === me.name ? (
                <Chip>{t(roleKey(roleOf(name) ?? ''))}</Chip>
              ) : (
                <Select
                  size="small"
                  style={{ width: 130 }}
                  aria-label={`${t('settings.userRole', { tenant })}: ${name}`}
                  placeholder={t('common.none')}
                  value={roleOf(name)}
                  options={options}
                  onChange={(role: string) => change.mutate({ name, role })}
                />
              ),
          },
          {
            title: t('common.actions'),
            render: (_, user) => (
              <Flex gap={8}>
                <Button
                  size="small"
                  loading={link.isPending && link.variables === user.name}
                  onClick={() => link.mutate(user.name)}
                >
                  {t('settings.userLink')}
                </Button>
                <ReasonButton
                  size="small"
                  reason={user.name === me.name ? t('settings.userSelf') : undefined}
                  onClick={() => disable.mutate(user)}
                >
                  {user.disabled ? t('settings.userEnable') : t('settings.userDisable')}
                </ReasonButton>
              </Flex>
            ),
          },
        ]}
      />
    </Panel>
  );
}
