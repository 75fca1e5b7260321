// Uploading packages: progress of each, then what was found, by file and line.
import { InboxOutlined } from '@ant-design/icons';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { App, Card, Flex, Progress, Upload as AntUpload } from 'antd';
import { useState } from 'react';

import type { Schemas } from '~/api/client';
import { ApiError } from '~/api/errors';
import { queries } from '~/api/queries';
import { uploadPackage } from '~/api/upload';
import { LinkButton } from '~/components/LinkButton';
import { FindingsTable } from '~/components/FindingsTable';
import { StateTag } from '~/components/StateTag';
import { useText } from '~/i18n';
import { ErrorView } from '~/ui/ErrorView';
import { PageHeader } from '~/ui/PageHeader';
import { paths } from '~/util/path-builder';

/** `4 MB` or `12 kB`, as limits are usually written. */
const sizeOf = (bytes: number) =>
  bytes < 100 << 10
    ? `${Math.max(1, Math.round(bytes / 1024))} kB`
    : `${Math.round((bytes / (1 << 20)) * 10) / 10} MB`;

type Entry = { file: File; percent: number; versions?: Schemas['Version'][]; error?: unknown };

export default function Upload() {
  const t = useText();
  const { message } = App.useApp();
  const client = useQueryClient();
  const about = useQuery(queries.about());
  const limits = about.data?.limits;
  const [entries, setEntries] = useState<Entry[]>([]);

  const change = (file: File, part: Partial<Entry>) =>
    setEntries((all) => all.map((entry) => (entry.file === file ? { ...entry, ...part } : entry)));

  const start = async (file: File) => {
    setEntries((all) => [{ file, percent: 0 }, ...all]);
    try {
      if (limits && file.size > limits.package_bytes) {
        const limit = sizeOf(limits.package_bytes);
        throw new ApiError({ code: 'too-large', detail: t('upload.tooLarge', { limit }) }, 413);
      }
      const versions = await uploadPackage(file, (percent) => change(file, { percent }));
      change(file, { percent: 100, versions });
    } catch (error) {
      change(file, { error });
    }
    await client.invalidateQueries({ queryKey: ['services'] });
  };

  return (
    <>
      <PageHeader
        title={t('upload.title')}
        subtitle={t('upload.subtitle')}
        trail={[{ label: t('nav.catalogue'), to: paths.catalogue() }]}
      />
      <div className="osc-stack">
        <AntUpload.Dragger
          multiple
          showUploadList={false}
          accept=".tgz,.tar.gz,.zip,.tar"
          beforeUpload={(file, files) => {
            const most = limits?.packages_per_upload ?? files.length;
            if (files.indexOf(file) < most) void start(file);
            else if (files.indexOf(file) === most) void message.warning(t('upload.tooMany', { count: most }));
            return false;
          }}
        >
          <p className="ant-upload-drag-icon">
            <InboxOutlined />
          </p>
          <p className="ant-upload-text">{t('upload.drop')}</p>
          <p className="ant-upload-hint">
            {t('upload.hint')}{' '}
            {limits &&
              t('upload.limits', {
                count: limits.packages_per_upload,
                size: sizeOf(limits.package_bytes),
              })}
          </p>
        </AntUpload.Dragger>
        {entries.map((entry) => (
          <Report key={`${entry.file.name} ${entry.file.lastModified} ${entry.file.size}`} entry={entry} />
        ))}
      </div>
    </>
  );
}

function Report({ entry }: { entry: Entry }) {
  const t = useText();
  const settled = entry.versions !== undefined || entry.error !== undefined;
  return (
    <Card
      size="small"
      title={<code>{entry.file.name}</code>}
      extra={<span className="osc-muted">{sizeOf(entry.file.size)}</span>}
    >
      {!settled && (
        <>
          <Progress percent={entry.percent} aria-label={t('upload.progress', { name: entry.file.name })} />
          <span className="osc-muted" role="status">
            {entry.percent < 100 ? t('upload.sending') : t('upload.checking')}
          </span>
        </>
      )}
      {entry.error !== undefined && <ErrorView error={entry.error} />}
      {entry.versions?.map((version) => (
        <div key={`${version.service}@${version.version}`} className="osc-stack">
          <Flex justify="space-between" align="center" gap={12} wrap>
            <Flex gap={12} align="center">
              <strong>
                {version.service} {version.version}
              </strong>
              <StateTag state={version.state} />
            </Flex>
            {version.state === 'ready' && (
              <Flex gap={8}>
                <LinkButton to={paths.service(version.service)}>{t('upload.open')}</LinkButton>
                <LinkButton to={paths.deploy(version.service, version.version)} type="primary">
                  {t('service.deploy')}
                </LinkButton>
              </Flex>
            )}
          </Flex>
          <FindingsTable findings={version.findings} />
        </div>
      ))}
    </Card>
  );
}
