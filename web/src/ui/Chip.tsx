// A short word with a colour that says something: a kind, a role, that something is simulated.
import { Tooltip } from 'antd';
import type { ReactNode } from 'react';

export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'idle' | 'accent';

type Props = { children: ReactNode; tone?: Tone; /** Said on hover and focus. */ title?: string | undefined };

export function Chip({ children, tone = 'idle', title }: Props) {
  const chip = (
    <span className="osc-chip" data-tone={tone} tabIndex={title ? 0 : undefined}>
      {children}
    </span>
  );
  return title ? <Tooltip title={title}>{chip}</Tooltip> : chip;
}
