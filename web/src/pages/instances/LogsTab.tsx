import { FileTextOutlined, ReloadOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Button, Flex, Select } from 'antd';
import { useState } from 'react';

import { queries } from '~/api/queries';
import { useText } from '~/i18n';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';

export function LogsTab({ id }: { id: string }) {
  const t = useText();
  const [pod, setPod] = useState<string>();
  const logs = useQuery(queries.logs(id, pod));
  if (logs.isError) return <ErrorView error={logs.error} onRetry={() => void logs.refetch()} />;
  const pods = logs.data?.pods ?? [];
  if (logs.data && pods.length === 0) {
    return (
      <EmptyView icon={<FileTextOutlined />} title={t('logs.empty')}>
        {t('logs.emptyHelp')}
      </EmptyView>
    );
  }
  return (
    <div className="osc-stack">
      <Flex gap={8}>
        <Select
          style={{ minWidth: 320 }}
          aria-label={t('logs.pod')}
          loading={logs.isPending}
          value={pod ?? logs.data?.pod ?? undefined}
          onChange={setPod}
          options={pods.map((value) => ({ value, label: value }))}
        />
        <Button
          icon={<ReloadOutlined aria-hidden />}
          loading={logs.isFetching}
          onClick={() => void logs.refetch()}
        >
          {t('logs.refresh')}
        </Button>
      </Flex>
      <pre className="osc-log" tabIndex={0} aria-label={t('instance.logs')}>
        {logs.data?.text || t('logs.nothing')}
      </pre>
    </div>
  );
}
