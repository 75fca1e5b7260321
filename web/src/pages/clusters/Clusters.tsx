import { ClusterOutlined, PlusOutlined, ReloadOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Button, Flex, Form, Input, Modal, Table, Tag, Upload } from 'antd';
import { useState } from 'react';

import { api, bodyOf, type Schemas } from '~/api/client';
import { queries } from '~/api/queries';
import { StateTag } from '~/components/StateTag';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { ConfirmDialog } from '~/ui/ConfirmDialog';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';
import { PageHeader } from '~/ui/PageHeader';
import { TimeAgo } from '~/ui/TimeAgo';

type Cluster = Schemas['Cluster'];

export default function Clusters() {
  const t = useText();
  const clusters = useQuery(queries.clusters());
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Cluster | null>(null);
  const check = useApiMutation({
    run: (name: string) => bodyOf(api.POST('/api/v1/clusters/{name}/check', { params: { path: { name } } })),
    changes: ['clusters'],
  });
  const remove = useApiMutation({
    run: (name: string) => api.DELETE('/api/v1/clusters/{name}', { params: { path: { name } } }),
    changes: ['clusters'],
    done: t('clusters.removed'),
    onDone: () => setRemoving(null),
  });
  const add = (
    <Button type="primary" icon={<PlusOutlined />} onClick={() => setAdding(true)}>
      {t('clusters.add')}
    </Button>
  );
  return (
    <>
      <PageHeader title={t('nav.clusters')} subtitle={t('clusters.subtitle')} actions={add} />
      {clusters.isError && <ErrorView error={clusters.error} onRetry={() => void clusters.refetch()} />}
      {clusters.data?.items.length === 0 ? (
        <EmptyView icon={<ClusterOutlined />} title={t('clusters.empty')} action={add}>
          {t('clusters.emptyHelp')}
        </EmptyView>
      ) : (
        <Table
          rowKey="name"
          loading={clusters.isPending}
          dataSource={clusters.data?.items ?? []}
          pagination={false}
          columns={[
            {
              title: t('clusters.name'),
              render: (_, { name, kind }) => (
                <Flex gap={8}>
                  <strong>{name}</strong>
                  {kind === 'sandbox' && <Tag color="blue">{t('clusters.simulated')}</Tag>}
                </Flex>
              ),
            },
            { title: t('clusters.region'), dataIndex: 'region' },
            {
              title: t('clusters.version'),
              render: (_, { version }) => (version ? <code>{version}</code> : '—'),
            },
            {
              title: t('clusters.state'),
              render: (_, { state, reason }) => <StateTag state={state} reason={reason} />,
            },
            { title: t('clusters.checked'), render: (_, { checked_at }) => <TimeAgo time={checked_at} /> },
            {
              title: t('common.actions'),
              width: 220,
              render: (_, cluster) => (
                <Flex gap={8}>
                  <Button
                    size="small"
                    icon={<ReloadOutlined />}
                    loading={check.isPending && check.variables === cluster.name}
                    onClick={() => check.mutate(cluster.name)}
                  >
                    {t('clusters.check')}
                  </Button>
                  <Button size="small" danger onClick={() => setRemoving(cluster)}>
                    {t('common.remove')}
                  </Button>
                </Flex>
              ),
            },
          ]}
        />
      )}
      <AddDialog open={adding} onClose={() => setAdding(false)} />
      {removing && (
        <ConfirmDialog
          open
          title={t('clusters.removeTitle', { name: removing.name })}
          name={removing.name}
          action={t('common.remove')}
          busy={remove.isPending}
          onConfirm={() => remove.mutate(removing.name)}
          onClose={() => setRemoving(null)}
        >
          <p>{t('clusters.removeHelp')}</p>
        </ConfirmDialog>
      )}
    </>
  );
}

type NewCluster = { name: string; region: string; kubeconfig: string };

function AddDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const t = useText();
  const [form] = Form.useForm<NewCluster>();
  const create = useApiMutation({
    run: (body: NewCluster) => bodyOf(api.POST('/api/v1/clusters', { body })),
    changes: ['clusters'],
    done: t('clusters.added'),
    showError: false,
    onDone: onClose,
  });
  const required = [{ required: true, message: t('common.required') }];
  return (
    <Modal
      open={open}
      title={t('clusters.add')}
      width={680}
      okText={t('clusters.addAction')}
      confirmLoading={create.isPending}
      onOk={() => form.submit()}
      onCancel={onClose}
      afterClose={() => {
        form.resetFields();
        create.reset();
      }}
      destroyOnHidden
    >
      <Form
        form={form}
        layout="vertical"
        initialValues={{ region: 'local' }}
        onFinish={(body) => create.mutate(body)}
      >
        <Flex gap={16}>
          <Form.Item name="name" label={t('clusters.name')} rules={required} style={{ flex: 1 }}>
            <Input autoFocus placeholder="prod-eu" />
          </Form.Item>
          <Form.Item name="region" label={t('clusters.region')} rules={required} style={{ flex: 1 }}>
            <Input />
          </Form.Item>
        </Flex>
        <Form.Item
          name="kubeconfig"
          label={t('clusters.kubeconfig')}
          rules={required}
          extra={t('clusters.kubeconfigHelp')}
        >
          <Input.TextArea rows={10} spellCheck={false} style={{ fontFamily: 'monospace' }} />
        </Form.Item>
        <Upload
          showUploadList={false}
          beforeUpload={async (file) => {
            form.setFieldValue('kubeconfig', await file.text());
            return false;
          }}
        >
          <Button size="small">{t('clusters.fromFile')}</Button>
        </Upload>
        {create.isError && (
          <div style={{ marginTop: 16 }}>
            <ErrorView error={create.error} />
          </div>
        )}
      </Form>
    </Modal>
  );
}
