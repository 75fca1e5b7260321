// A titled box; the building block of pages with several parts.
import type { ReactNode } from 'react';
import { useId } from 'react';

type Props = {
  title: ReactNode;
  children: ReactNode;
  /** At the right of the title. */
  extra?: ReactNode;
  /** No space around the content: tables and lists reach the edges. */
  flush?: boolean;
};

export function Panel({ title, children, extra, flush = false }: Props) {
  const id = useId();
  return (
    <section className="osc-panel" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {extra && <div className="osc-panel-extra">{extra}</div>}
      </header>
      <div className={flush ? undefined : 'osc-panel-body'}>{children}</div>
    </section>
  );
}
