// Relative time with the exact one on hover; one timer for the page.
import { Tooltip } from 'antd';
import { useSyncExternalStore } from 'react';

import { useLanguage, type Language } from '~/i18n';

const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void) {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    listeners.forEach((wake) => wake());
  }, 10_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** `3 minutes ago`; within a minute `now`. */
export function relative(time: string, at: number, language: Language): string {
  const seconds = Math.round((Date.parse(time) - at) / 1000);
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(0, 'second');
}

export function TimeAgo({ time }: { time: string | null | undefined }) {
  const language = useLanguage();
  const at = useSyncExternalStore(subscribe, () => now);
  if (!time) return <>—</>;
  const exact = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' }).format(
    new Date(time),
  );
  return (
    <Tooltip title={exact}>
      <time dateTime={time}>{relative(time, at, language)}</time>
    </Tooltip>
  );
}
