// Before and after, a row for each value that differs.
import { Table } from 'antd';

import { useText } from '~/i18n';
import { shownValue, type Change } from '~/util/changes';

type Props = {
  changes: Change[];
  /** JSON pointers whose values are not shown. */
  secrets?: string[];
  empty: string;
};

export function ChangesTable({ changes, secrets = [], empty }: Props) {
  const t = useText();
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
            <code className="osc-removed">{shownValue(change.before, change.path, secrets)}</code>
          ),
        },
        {
          title: t('changes.after'),
          render: (_, change) => (
            <code className="osc-added">{shownValue(change.after, change.path, secrets)}</code>
          ),
        },
      ]}
    />
  );
}
