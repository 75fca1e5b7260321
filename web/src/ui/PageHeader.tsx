import { Breadcrumb, Flex, Typography } from 'antd';
import { useEffect, type ReactNode } from 'react';
import { Link } from 'react-router';

type Props = {
  /** Also the title of the browser's tab. */
  title: string;
  /** Before the title; not part of the trail. */
  logo?: ReactNode;
  subtitle?: ReactNode;
  /** Where this page lies: label and address, from the top. */
  trail?: { label: string; to: string }[];
  actions?: ReactNode;
  /** Beside the title: a state, a version. */
  extra?: ReactNode;
};

export function PageHeader({ title, logo, subtitle, trail = [], actions, extra }: Props) {
  useEffect(() => {
    document.title = `${title} · OSC`;
    return () => void (document.title = 'OSC');
  }, [title]);
  return (
    <header className="osc-page-header">
      {trail.length > 0 && (
        <Breadcrumb
          items={[...trail.map(({ label, to }) => ({ title: <Link to={to}>{label}</Link> })), { title }]}
        />
      )}
      <Flex justify="space-between" align="flex-start" gap={24} wrap>
        <div>
          <Flex align="center" gap={12} wrap>
            {logo}
            <Typography.Title level={1}>{title}</Typography.Title>
            {extra}
          </Flex>
          {subtitle && <p className="osc-subtitle">{subtitle}</p>}
        </div>
        {actions && (
          <Flex gap={8} wrap>
            {actions}
          </Flex>
        )}
      </Flex>
    </header>
  );
}
