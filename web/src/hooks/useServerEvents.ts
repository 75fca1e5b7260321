// Server-sent events carry only names of what changed; the page asks again for what it shows.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

/** News of one breath are one refresh: an operation tells of each of its steps. */
const BREATH = 300;
/** A connection that is gone for less than this is not worth a word. */
const GRACE = 1500;
/** How long until the next try when the browser gives up. */
const PAUSE = 2000;

/**
 * Refreshes every query whose key begins with a changed resource, and everything after the connection was lost. Says
 * whether it is lost.
 */
export function useServerEvents(enabled: boolean): boolean {
  const client = useQueryClient();
  const [lost, setLost] = useState(false);
  useEffect(() => {
    if (!enabled) return;
    const changed = new Set<string>();
    let breath: ReturnType<typeof setTimeout> | undefined;
    const refresh = () => {
      breath = undefined;
      for (const resource of changed) {
        // `everything`: some events were lost on the way.
        void client.invalidateQueries(resource === 'everything' ? {} : { queryKey: [resource] });
      }
      changed.clear();
    };
    const hear = (resource: string) => {
      changed.add(resource);
      breath ??= setTimeout(refresh, BREATH);
    };
    const stop = listen('/api/v1/events', {
      onMessage: ({ data }) => {
        const resource = resourceOf(data);
        if (resource) hear(resource);
      },
      onLost: () => setLost(true),
      onBack: () => {
        setLost(false);
        hear('everything');
      },
      // The server answers, but not with events: the session may have ended.
      onRefused: () => void client.invalidateQueries({ queryKey: ['me'] }),
    });
    return () => {
      clearTimeout(breath);
      stop();
    };
  }, [client, enabled]);
  return lost;
}

type Listener = {
  onMessage: (event: MessageEvent<string>) => void;
  /** It has been gone for a while. */
  onLost?: () => void;
  onBack?: () => void;
  onRefused?: () => void;
};

/** Follows an event stream through restarts of the server, until the answer is called. */
export function listen(address: string, { onMessage, onLost, onBack, onRefused }: Listener): () => void {
  let source: EventSource;
  let gone: ReturnType<typeof setTimeout> | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let broken = false;
  const connect = () => {
    source = new EventSource(address);
    source.onmessage = onMessage;
    source.onopen = () => {
      clearTimeout(gone);
      if (broken) onBack?.();
      broken = false;
      gone = undefined;
    };
    source.onerror = () => {
      broken = true;
      gone ??= setTimeout(() => onLost?.(), GRACE);
      // The browser tries again by itself unless it was answered with something else.
      if (source.readyState !== EventSource.CLOSED) return;
      onRefused?.();
      again = setTimeout(connect, PAUSE);
    };
  };
  connect();
  return () => {
    clearTimeout(gone);
    clearTimeout(again);
    source.close();
  };
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
