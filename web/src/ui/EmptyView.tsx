// An empty page says how to begin.
import { Flex, Typography } from 'antd';
import type { ReactNode } from 'react';

type Props = { icon: ReactNode; title: string; children: ReactNode; action?: ReactNode };

export function EmptyView({ icon, title, children, action }: Props) {
  return (
    <Flex vertical align="center" className="osc-empty" gap={8}>
      <div className="osc-empty-icon" aria-hidden="true">
        {icon}
      </div>
      <Typography.Title level={2}>{title}</Typography.Title>
      <p>{children}</p>
      {action}
    </Flex>
  );
}
