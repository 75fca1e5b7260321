// Before and after, a row for each value that differs.
import { Table } from 'antd';

import { useText } from '~/i18n';
import type { Change, Json } from '~/util/changes';

type Props = {
  changes: Change[];
  /** JSON pointers whose values are not shown. */
  secrets?: string[];
  empty: string;
};

const shown = (value: Json | undefined) =>
  value === undefined ? '—' : typeof value === 'string' ? value || '""' : JSON.stringify(value);

export function ChangesTable({ changes, secrets = [], empty }: Props) {
  const t = useText();
  const hidden = (path: string) => secrets.includes(`/${path.replaceAll('.', '/')}`);
  if (changes.length === 0) return <p className="osc-muted">{empty}</p>;
  return (
    <Table
      className="osc-boxed"
      size="small"
      rowKey="path"
      pagination={false}
      dataSource={changes}
      columns={[
        { title: t('changes.path'), dataIndex: 'path', render: (path: string) => <code>{path}</code> },
        {
          title: t('changes.before'),
          render: (_, change) => (
            <code className="osc-removed">{hidden(change.path) ? '••••' : shown(change.before)}</code>
          ),
        },
        {
          title: t('changes.after'),
          render: (_, change) => (
            <code className="osc-added">{hidden(change.path) ? '••••' : shown(change.after)}</code>
          ),
        },
      ]}
    />
  );
}
