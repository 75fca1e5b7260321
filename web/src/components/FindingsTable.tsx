// What checks found, worst first, with file and line.
import { CheckCircleOutlined } from '@ant-design/icons';
import { Flex, Table } from 'antd';

import type { Schemas } from '~/api/client';
import { useText, type TextKey } from '~/i18n';
import { Chip, type Tone } from '~/ui/Chip';

type Finding = Schemas['Finding'];

const severities: Record<string, [Tone, TextKey, number]> = {
  critical: ['bad', 'severity.critical', 0],
  high: ['bad', 'severity.high', 1],
  medium: ['warn', 'severity.medium', 2],
  low: ['busy', 'severity.low', 3],
  info: ['idle', 'severity.info', 4],
};

const severityOf = (severity: string) => severities[severity] ?? severities['info']!;

export function FindingsTable({ findings }: { findings: Finding[] }) {
  const t = useText();
  if (findings.length === 0) {
    return (
      <Flex gap={8} align="center" className="osc-muted">
        <CheckCircleOutlined /> {t('findings.none')}
      </Flex>
    );
  }
  const sorted = [...findings].sort(
    (a, b) =>
      Number(b.blocking) - Number(a.blocking) || severityOf(a.severity)[2] - severityOf(b.severity)[2],
  );
  return (
    <Table
      className="osc-boxed"
      size="small"
      rowKey={(finding) => `${finding.check} ${finding.path} ${finding.line} ${finding.message}`}
      dataSource={sorted}
      pagination={sorted.length > 20 ? { pageSize: 20, showSizeChanger: false } : false}
      columns={[
        {
          title: t('findings.severity'),
          width: 120,
          render: (_, { severity, blocking }) => (
            <>
              <Chip tone={severityOf(severity)[0]}>{t(severityOf(severity)[1])}</Chip>
              {blocking && <div className="osc-field-error">{t('findings.blocking')}</div>}
            </>
          ),
        },
        {
          title: t('findings.place'),
          width: 260,
          render: (_, { path, line, object }) => (
            <code>{path ? (line ? `${path}:${line}` : path) : (object ?? '—')}</code>
          ),
        },
        {
          title: t('findings.message'),
          render: (_, { message, remediation }) => (
            <>
              {message}
              {remediation && <div className="osc-field-help">{remediation}</div>}
            </>
          ),
        },
        {
          title: t('findings.check'),
          width: 180,
          dataIndex: 'check',
          render: (check: string) => <code>{check}</code>,
        },
      ]}
    />
  );
}
