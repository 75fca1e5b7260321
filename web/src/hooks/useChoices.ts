// Names that a generated form offers, from the cluster that the instance is for.
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';

import { queries } from '~/api/queries';
import type { FormContext } from '~/forms/values/widgets';

/** Empty while no cluster is chosen or it does not answer: names can be typed. */
export function useChoices(cluster: string, namespace: string): FormContext['choices'] {
  const { data } = useQuery(queries.choices(cluster, namespace));
  const namespaces = useQuery(queries.namespaces(cluster));
  return useMemo(
    () => ({
      'storage-class': data?.storage_classes ?? [],
      secret: data?.secrets ?? [],
      namespace: namespaces.data ?? [],
    }),
    [data, namespaces.data],
  );
}
