// Server-sent events carry only names of what changed; the page asks again for what it shows.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';

/** News of one breath are one refresh: an operation tells of each of its steps. */
const BREATH = 300;

/** Refreshes every query whose key begins with a changed resource. The browser reconnects by itself. */
export function useServerEvents(enabled: boolean) {
  const client = useQueryClient();
  useEffect(() => {
    if (!enabled) return;
    const source = new EventSource('/api/v1/events');
    const changed = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = () => {
      timer = undefined;
      for (const resource of changed) {
        // `everything`: some events were lost on the way.
        void client.invalidateQueries(resource === 'everything' ? {} : { queryKey: [resource] });
      }
      changed.clear();
    };
    const hear = (event: MessageEvent<string>) => {
      const resource = resourceOf(event.data);
      if (!resource) return;
      changed.add(resource);
      timer ??= setTimeout(refresh, BREATH);
    };
    source.addEventListener('message', hear);
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, [client, enabled]);
}

/** `{"resource": "operations", ...}`; null for what cannot be read. */
export function resourceOf(data: string): string | null {
  try {
    const event: unknown = JSON.parse(data);
    if (
      typeof event === 'object' &&
      event !== null &&
      'resource' in event &&
      typeof event.resource === 'string'
    ) {
      return event.resource;
    }
  } catch {
    // not an event of ours
  }
  return null;
}
