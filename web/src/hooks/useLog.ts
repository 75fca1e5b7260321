// The log of one container as it comes.
import { useEffect, useRef, useState } from 'react';

/** So many lines are kept; a page is no archive. */
const MOST_LINES = 5000;
/** How long until the next try when the browser gives up. */
const PAUSE = 2000;

export type Log = {
  text: string;
  /** `open` while lines may come, `ended` when the container has, `lost` while the server is asked again. */
  state: 'open' | 'ended' | 'lost';
};

const nothing: Log = { text: '', state: 'open' };

/**
 * Follows a log, through restarts of the server and without a line twice; null while there is nothing to follow.
 * `onRefused` is for a stream that the server refuses: the pod may be gone, or the session.
 */
export function useLog(address: string | null, onRefused: () => void): Log {
  const [log, setLog] = useState({ ...nothing, address });
  const refused = useRef(onRefused);
  refused.current = onRefused;
  useEffect(() => {
    if (!address) return;
    setLog({ ...nothing, address });
    let source: EventSource;
    let again: ReturnType<typeof setTimeout> | undefined;
    let last = '';
    const put = (change: Partial<Log>) => setLog((before) => ({ ...before, ...change }));
    const connect = () => {
      source = new EventSource(last ? `${address}&after=${encodeURIComponent(last)}` : address);
      source.onopen = () => put({ state: 'open' });
      source.onmessage = ({ data, lastEventId }: MessageEvent<string>) => {
        last = lastEventId || last;
        setLog((before) => ({ ...before, text: lastLines(before.text + textOf(data)) }));
      };
      source.addEventListener('end', () => {
        source.close();
        put({ state: 'ended' });
      });
      source.onerror = () => {
        put({ state: 'lost' });
        // The browser tries again by itself unless it was answered with something else, or cannot connect at all.
        if (source.readyState !== EventSource.CLOSED) return;
        refused.current();
        again = setTimeout(connect, PAUSE);
      };
    };
    connect();
    return () => {
      clearTimeout(again);
      source.close();
    };
  }, [address]);
  // What is left of another log is not shown for this one.
  return log.address === address ? log : nothing;
}

function lastLines(text: string): string {
  const lines = text.split('\n');
  return lines.length > MOST_LINES + 1 ? lines.slice(-MOST_LINES - 1).join('\n') : text;
}

/** `{"text": "..."}`; empty for what cannot be read. */
function textOf(data: string): string {
  try {
    const event: unknown = JSON.parse(data);
    if (typeof event === 'object' && event !== null && 'text' in event && typeof event.text === 'string')
      return event.text;
  } catch {
    // not an event of ours
  }
  return '';
}
