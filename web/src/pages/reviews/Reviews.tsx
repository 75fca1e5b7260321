// Versions that wait for a reviewer: what was found, what they may do, and the answer.
import { CheckOutlined, SafetyOutlined } from '@ant-design/icons';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Button, Flex, Form, Input, Modal, Skeleton } from 'antd';
import { useState } from 'react';

import { api, bodyOf, type Schemas } from '~/api/client';
import { factsOf } from '~/api/facts';
import { queries } from '~/api/queries';
import { FindingsTable } from '~/components/FindingsTable';
import { ServiceLogo } from '~/components/ServiceLogo';
import { useApiMutation } from '~/hooks/useApiMutation';
import { useText } from '~/i18n';
import { Chip } from '~/ui/Chip';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';
import { MoreButton } from '~/ui/MoreButton';
import { PageHeader } from '~/ui/PageHeader';
import { Panel } from '~/ui/Panel';
import { TimeAgo } from '~/ui/TimeAgo';
import { yamlOf } from '~/util/yaml';

type Review = Schemas['Review'];

export default function Reviews() {
  const t = useText();
  const reviews = useInfiniteQuery(queries.reviews());
  const [refusing, setRefusing] = useState<Review | null>(null);
  const approve = useApiMutation({
    run: (id: string) => bodyOf(api.POST('/api/v1/reviews/{id}/approve', { params: { path: { id } } })),
    changes: ['reviews', 'services'],
    done: t('reviews.approved'),
  });
  return (
    <>
      <PageHeader title={t('nav.reviews')} subtitle={t('reviews.subtitle')} />
      {reviews.isError && <ErrorView error={reviews.error} onRetry={() => void reviews.refetch()} />}
      {reviews.isPending && <Skeleton active />}
      {reviews.data?.length === 0 && (
        <EmptyView icon={<SafetyOutlined aria-hidden />} title={t('reviews.empty')}>
          {t('reviews.emptyHelp')}
        </EmptyView>
      )}
      <div className="osc-stack">
        {reviews.data?.map((review) => (
          <ReviewPanel
            key={review.id}
            review={review}
            busy={approve.isPending && approve.variables === review.id}
            onApprove={() => approve.mutate(review.id)}
            onRefuse={() => setRefusing(review)}
          />
        ))}
      </div>
      <MoreButton query={reviews} />
      {refusing && <RefuseDialog review={refusing} onClose={() => setRefusing(null)} />}
    </>
  );
}

type PanelProps = { review: Review; busy: boolean; onApprove: () => void; onRefuse: () => void };

function ReviewPanel({ review, busy, onApprove, onRefuse }: PanelProps) {
  const t = useText();
  const { provider, version } = review;
  const { images = [], permissions = [] } = factsOf(version.facts);
  return (
    <Panel
      title={
        <span className="osc-row">
          <ServiceLogo name={version.service} small />
          {version.service} <code>{version.version}</code>
        </span>
      }
      extra={
        <>
          <span>{t('service.by', { provider })}</span>
          <TimeAgo time={version.created_at} />
          <Button size="small" onClick={onRefuse}>
            {t('reviews.refuse')}
          </Button>
          <Button
            size="small"
            type="primary"
            icon={<CheckOutlined aria-hidden />}
            loading={busy}
            onClick={onApprove}
          >
            {t('reviews.approve')}
          </Button>
        </>
      }
    >
      <div className="osc-stack">
        <dl className="osc-facts">
          <dt>{t('service.images')}</dt>
          <dd>
            <Flex gap={6} wrap>
              {images.length === 0
                ? t('common.none')
                : images.map((image) => <Chip key={image}>{image}</Chip>)}
            </Flex>
          </dd>
          <dt>{t('plan.permissions')}</dt>
          <dd>
            {permissions.length === 0 ? (
              t('common.none')
            ) : (
              <pre className="osc-notes" tabIndex={0} aria-label={t('plan.permissions')}>
                {yamlOf(permissions)}
              </pre>
            )}
          </dd>
        </dl>
        <FindingsTable findings={version.findings} />
      </div>
    </Panel>
  );
}

function RefuseDialog({ review, onClose }: { review: Review; onClose: () => void }) {
  const t = useText();
  const [form] = Form.useForm<{ reason: string }>();
  const [open, setOpen] = useState(true);
  const refuse = useApiMutation({
    run: (body: { reason: string }) =>
      bodyOf(api.POST('/api/v1/reviews/{id}/refuse', { params: { path: { id: review.id } }, body })),
    changes: ['reviews', 'services'],
    done: t('reviews.refused'),
    showError: false,
    onDone: () => setOpen(false),
  });
  return (
    <Modal
      open={open}
      title={t('reviews.refuseTitle', { name: `${review.version.service} ${review.version.version}` })}
      okText={t('reviews.refuse')}
      confirmLoading={refuse.isPending}
      onOk={() => form.submit()}
      onCancel={() => setOpen(false)}
      afterClose={onClose}
      destroyOnHidden
    >
      <Form name="refusal" form={form} layout="vertical" onFinish={(body) => refuse.mutate(body)}>
        <Form.Item
          name="reason"
          label={t('reviews.reason')}
          extra={t('reviews.reasonHelp')}
          rules={[{ required: true, message: t('common.required') }]}
        >
          <Input.TextArea rows={4} maxLength={500} autoFocus />
        </Form.Item>
        {refuse.isError && <ErrorView error={refuse.error} />}
      </Form>
    </Modal>
  );
}
