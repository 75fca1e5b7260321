import { ClusterOutlined, PlusOutlined, ReloadOutlined } from '@ant-design/icons';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Alert, Button, Flex, Form, Input, Modal, Skeleton, Upload } from 'antd';
import { useState } from 'react';
import { Link } from 'react-router';

import { api, bodyOf, type Schemas } from '~/api/client';
import { queries } from '~/api/queries';
import { ServiceLogo } from '~/components/ServiceLogo';
import { SimulatedChip } from '~/components/Simulated';
import { StateTag } from '~/components/StateTag';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { Chip } from '~/ui/Chip';
import { ConfirmDialog } from '~/ui/ConfirmDialog';
import { CopyButton } from '~/ui/CopyButton';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';
import { PageHeader } from '~/ui/PageHeader';
import { ReasonButton } from '~/ui/ReasonButton';
import { TimeAgo } from '~/ui/TimeAgo';
import { paths } from '~/util/path-builder';

type Cluster = Schemas['Cluster'];

export default function Clusters() {
  const t = useText();
  const clusters = useQuery(queries.clusters());
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<string | null>(null);
  const check = useApiMutation({
    run: (name: string) => bodyOf(api.POST('/api/v1/clusters/{name}/check', { params: { path: { name } } })),
    changes: ['clusters'],
  });
  const add = (
    <Button type="primary" icon={<PlusOutlined aria-hidden />} onClick={() => setAdding(true)}>
      {t('clusters.add')}
    </Button>
  );
  return (
    <>
      <PageHeader title={t('nav.clusters')} subtitle={t('clusters.subtitle')} actions={add} />
      {clusters.isError && <ErrorView error={clusters.error} onRetry={() => void clusters.refetch()} />}
      {clusters.data?.items.length === 0 ? (
        <EmptyView icon={<ClusterOutlined aria-hidden />} title={t('clusters.empty')} action={add}>
          {t('clusters.emptyHelp')}
        </EmptyView>
      ) : (
        <div className="osc-grid" data-wide>
          {clusters.isPending && <Skeleton active />}
          {clusters.data?.items.map((cluster) => (
            <ClusterCard
              key={cluster.name}
              cluster={cluster}
              checking={check.isPending && check.variables === cluster.name}
              onCheck={() => check.mutate(cluster.name)}
              onRemove={() => setRemoving(cluster.name)}
            />
          ))}
        </div>
      )}
      <AddDialog open={adding} onClose={() => setAdding(false)} />
      {removing && <RemoveDialog name={removing} onClose={() => setRemoving(null)} />}
    </>
  );
}

type CardProps = {
  cluster: Cluster;
  checking: boolean;
  onCheck: () => void;
  onRemove: () => void;
};

/** `3`, or `50+` when there are more than one answer holds. */
function useInstanceCount(cluster: string): string {
  const { data, hasNextPage } = useInfiniteQuery(queries.instances({ cluster }));
  return `${data?.length ?? 0}${hasNextPage ? '+' : ''}`;
}

function ClusterCard({ cluster, checking, onCheck, onRemove }: CardProps) {
  const t = useText();
  const instances = useInstanceCount(cluster.name);
  const { name, kind, region, version, state, reason, checked_at } = cluster;
  const simulated = kind === 'sandbox';
  return (
    <article className="osc-card" aria-label={name}>
      <div className="osc-card-head">
        <ServiceLogo name={name} />
        <div>
          <h2 className="ant-typography">{name}</h2>
          <span className="osc-muted osc-small">{region}</span>
        </div>
        <StateTag state={state} reason={reason} filled />
      </div>
      <p>{simulated ? t('clusters.simulatedHelp') : (reason ?? '')}</p>
      <div className="osc-card-foot">
        <SimulatedChip cluster={name} />
        {version && <Chip>{version}</Chip>}
        <Link to={`${paths.instances()}?cluster=${encodeURIComponent(name)}`} className="osc-small">
          {t('clusters.instances', { count: instances })}
        </Link>
        <span className="osc-spring" />
        <span className="osc-muted osc-small">
          {t('clusters.checked')} <TimeAgo time={checked_at} />
        </span>
      </div>
      <Flex gap={8}>
        <Button
          size="small"
          icon={<ReloadOutlined aria-hidden />}
          aria-label={`${t('clusters.check')} ${name}`}
          loading={checking}
          onClick={onCheck}
        >
          {t('clusters.check')}
        </Button>
        <ReasonButton
          size="small"
          danger
          aria-label={`${t('common.remove')} ${name}`}
          // What cannot be deleted any more can only be forgotten.
          reason={
            instances !== '0' && state !== 'unreachable'
              ? t('clusters.inUse', { count: instances })
              : undefined
          }
          onClick={onRemove}
        >
          {t('common.remove')}
        </ReasonButton>
      </Flex>
    </article>
  );
}

function RemoveDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const t = useText();
  const instances = useInstanceCount(name);
  const remove = useApiMutation({
    run: () =>
      api.DELETE('/api/v1/clusters/{name}', {
        params: { path: { name }, query: instances === '0' ? {} : { forget_instances: true } },
      }),
    changes: ['clusters', 'instances', 'subscriptions'],
    done: t('clusters.removed'),
    onDone: onClose,
  });
  return (
    <ConfirmDialog
      title={t('clusters.removeTitle', { name })}
      name={name}
      action={t('common.remove')}
      busy={remove.isPending}
      onConfirm={() => remove.mutate(undefined)}
      onClose={onClose}
    >
      {instances === '0' ? (
        <p>{t('clusters.removeHelp')}</p>
      ) : (
        <Alert
          type="warning"
          showIcon
          title={t('clusters.forgetTitle', { count: instances })}
          description={t('clusters.forgetHelp')}
        />
      )}
    </ConfirmDialog>
  );
}

/** Prints a kubeconfig with everything inline. */
const COMMAND = 'kubectl config view --raw --minify --flatten';

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
        name="cluster"
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
          extra={
            <>
              {t('clusters.kubeconfigHelp')}
              <span className="osc-command">
                <code>{COMMAND}</code>
                <CopyButton text={COMMAND} label={t('clusters.copyCommand')} />
              </span>
            </>
          }
        >
          <Input.TextArea rows={10} spellCheck={false} className="osc-mono" placeholder="apiVersion: v1" />
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
