// The log of one container of an instance, followed until the reader says stop.
import { ArrowDownOutlined, FileTextOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Button, Select, Switch } from 'antd';
import { useEffect, useRef, useState } from 'react';

import { asApiError } from '~/api/errors';
import { queries } from '~/api/queries';
import { useLog } from '~/hooks/useLog';
import { useText, type TextKey } from '~/i18n';
import { CopyButton } from '~/ui/CopyButton';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';

const states: Record<ReturnType<typeof useLog>['state'], TextKey> = {
  open: 'logs.following',
  ended: 'logs.ended',
  lost: 'logs.lost',
};

export function LogsTab({ id }: { id: string }) {
  const t = useText();
  const [chosen, setChosen] = useState<{ pod?: string; container?: string }>({});
  const [follow, setFollow] = useState(true);
  const logs = useQuery(queries.logs(id, chosen));
  const pod = chosen.pod ?? logs.data?.pod ?? undefined;
  const container = chosen.container ?? logs.data?.container ?? undefined;
  // While the server is away, what is shown stays.
  const failed = logs.isError && (!logs.data || asApiError(logs.error).status !== 0);
  const address = follow && logs.data && !failed && pod ? followAddress(id, pod, container) : null;
  const live = useLog(address, () => void logs.refetch());
  if (failed) return <ErrorView error={logs.error} onRetry={() => void logs.refetch()} />;
  const pods = logs.data?.pods ?? [];
  if (logs.data && pods.length === 0) {
    return (
      <EmptyView icon={<FileTextOutlined />} title={t('logs.empty')}>
        {t('logs.emptyHelp')}
      </EmptyView>
    );
  }
  const containers = logs.data?.containers ?? [];
  // Until the first lines come, and when they do not, what was asked for once.
  const text = (follow && live.text) || logs.data?.text || '';
  return (
    <div className="osc-stack">
      <div className="osc-filters osc-log-head">
        <Select
          style={{ width: 320 }}
          aria-label={t('logs.pod')}
          loading={logs.isPending}
          value={pod}
          onChange={(next: string) => setChosen({ pod: next })}
          options={pods.map((value) => ({ value, label: value }))}
        />
        {containers.length > 1 && (
          <Select
            style={{ width: 200 }}
            aria-label={t('logs.container')}
            value={container}
            onChange={(next: string) => setChosen({ ...(pod && { pod }), container: next })}
            options={containers.map((value) => ({ value, label: value }))}
          />
        )}
        <label className="osc-row">
          <Switch
            checked={follow}
            onChange={(on) => {
              // What was followed so far is asked for once more and stays.
              if (!on) void logs.refetch();
              setFollow(on);
            }}
          />
          {t('logs.follow')}
        </label>
        {address && (
          <span className="osc-live osc-muted osc-small" data-state={live.state} role="status">
            {t(states[live.state])}
          </span>
        )}
        <span className="osc-spring" />
        <CopyButton text={text} label={t('logs.copy')} />
      </div>
      <Lines text={text} follow={follow} label={t('instance.logs')} nothing={t('logs.nothing')} />
    </div>
  );
}

const followAddress = (id: string, pod: string, container: string | undefined) => {
  const query = new URLSearchParams({ pod, ...(container && { container }), tail: '500' });
  return `/api/v1/instances/${encodeURIComponent(id)}/logs/follow?${query}`;
};

type LinesProps = { text: string; follow: boolean; label: string; nothing: string };

/** Stays at the end while lines come, unless the reader went up to read. */
function Lines({ text, follow, label, nothing }: LinesProps) {
  const t = useText();
  const box = useRef<HTMLPreElement>(null);
  const [away, setAway] = useState(false);
  const toEnd = () => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  };
  useEffect(() => {
    if (follow && !away) toEnd();
  }, [text, follow, away]);
  return (
    <div className="osc-log-box">
      <pre
        ref={box}
        className="osc-log"
        tabIndex={0}
        aria-label={label}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) =>
          setAway(scrollHeight - scrollTop - clientHeight > 40)
        }
      >
        {text || nothing}
      </pre>
      {away && (
        <Button size="small" icon={<ArrowDownOutlined aria-hidden />} onClick={toEnd}>
          {t('logs.toEnd')}
        </Button>
      )}
    </div>
  );
}
