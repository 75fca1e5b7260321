// Wherever a simulated cluster shows, the console says that nothing runs in it.
import { ExperimentOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';

import { queries } from '~/api/queries';
import { useText } from '~/i18n';
import { Chip } from '~/ui/Chip';

/** Names of the clusters that only pretend. */
export function useSimulated(): string[] {
  const clusters = useQuery(queries.clusters());
  return clusters.data?.items.filter(({ kind }) => kind === 'sandbox').map(({ name }) => name) ?? [];
}

/** Beside a cluster's name; nothing for a real one. */
export function SimulatedChip({ cluster }: { cluster: string }) {
  const t = useText();
  if (!useSimulated().includes(cluster)) return null;
  return (
    <Chip tone="warn" title={t('nav.simulated', { name: cluster })}>
      {t('clusters.simulated')}
    </Chip>
  );
}

/** At the top of every page while there is one. */
export function SimulatedNote() {
  const t = useText();
  const names = useSimulated();
  if (names.length === 0) return <span />;
  return (
    <span className="osc-simulated">
      <ExperimentOutlined aria-hidden="true" />
      {t('nav.simulated', { name: names.join(', ') })}
    </span>
  );
}
