// Server-sent events carry only names of what changed; the page asks again for what it shows.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';

/** Refreshes every query whose key begins with the changed resource. The browser reconnects by itself. */
export function useServerEvents(enabled: boolean) {
  const client = useQueryClient();
  useEffect(() => {
    if (!enabled) return;
    const source = new EventSource('/api/v1/events');
    const refresh = (event: MessageEvent<string>) => {
      const resource = resourceOf(event.data);
      // `everything`: some events were lost on the way.
      if (resource) void client.invalidateQueries(resource === 'everything' ? {} : { queryKey: [resource] });
    };
    source.addEventListener('message', refresh);
    return () => source.close();
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
