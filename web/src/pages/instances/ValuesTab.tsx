import { useQuery } from '@tanstack/react-query';
import { Skeleton } from 'antd';
import { useMemo } from 'react';

import type { Schemas } from '~/api/client';
import { queries } from '~/api/queries';
import { useText } from '~/i18n';
import { ChangesTable } from '~/ui/ChangesTable';
import { ErrorView } from '~/ui/ErrorView';
import { changesOf, merged, type JsonObject } from '~/util/changes';

export function ValuesTab({ instance }: { instance: Schemas['Instance'] }) {
  const t = useText();
  const values = useQuery(queries.values(instance.id));
  const form = useQuery(queries.form(instance.service, instance.version));
  const changes = useMemo(() => {
    if (!values.data || !form.data) return [];
    const { defaults } = form.data;
    return changesOf(defaults, merged(defaults, values.data.overrides as JsonObject));
  }, [values.data, form.data]);
  const failed = values.error ?? form.error;
  if (failed) return <ErrorView error={failed} onRetry={() => void values.refetch()} />;
  if (!values.data || !form.data) return <Skeleton active />;
  return (
    <>
      <p className="osc-hint">{t('instance.valuesHelp')}</p>
      <ChangesTable changes={changes} secrets={form.data.secrets} empty={t('values.noChanges')} />
    </>
  );
}
