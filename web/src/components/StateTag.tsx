// A state in the user's language with a colour that says whether to worry.
import { Tooltip } from 'antd';

import { useText, type TextKey } from '~/i18n';

type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'idle';

const states: Record<string, [Tone, TextKey]> = {
  running: ['good', 'state.running'],
  healthy: ['good', 'state.healthy'],
  installing: ['busy', 'state.installing'],
  adopting: ['busy', 'state.adopting'],
  updating: ['busy', 'state.updating'],
  upgrading: ['busy', 'state.upgrading'],
  'rolling-back': ['busy', 'state.rollingBack'],
  deleting: ['busy', 'state.deleting'],
  gone: ['idle', 'state.gone'],
  progressing: ['busy', 'state.progressing'],
  degraded: ['warn', 'state.degraded'],
  failed: ['bad', 'state.failed'],
  unknown: ['idle', 'state.unknown'],
  underway: ['busy', 'state.underway'],
  queued: ['busy', 'state.queued'],
  planning: ['busy', 'state.planning'],
  paused: ['warn', 'state.paused'],
  succeeded: ['good', 'state.succeeded'],
  cancelled: ['idle', 'state.cancelled'],
  available: ['good', 'state.available'],
  unreachable: ['bad', 'state.unreachable'],
  ready: ['good', 'state.ready'],
  rejected: ['bad', 'state.rejected'],
  uploaded: ['busy', 'state.uploaded'],
  validating: ['busy', 'state.validating'],
  scanning: ['busy', 'state.scanning'],
  deleted: ['idle', 'state.deleted'],
  active: ['good', 'state.active'],
  frozen: ['warn', 'state.frozen'],
  ending: ['busy', 'state.ending'],
  ended: ['idle', 'state.ended'],
  enabled: ['good', 'state.enabled'],
  disabled: ['idle', 'state.disabled'],
  faulted: ['bad', 'state.faulted'],
  loaded: ['idle', 'state.loaded'],
  private: ['idle', 'state.private'],
  submitted: ['busy', 'state.submitted'],
  approved: ['good', 'state.approved'],
  published: ['good', 'state.published'],
  suspended: ['warn', 'state.suspended'],
  withdrawn: ['idle', 'state.withdrawn'],
  deployed: ['good', 'state.deployed'],
  superseded: ['idle', 'state.superseded'],
  open: ['good', 'state.open'],
  used: ['idle', 'state.used'],
  stale: ['warn', 'state.stale'],
  expired: ['warn', 'state.expired'],
  ok: ['good', 'state.ok'],
  refused: ['warn', 'state.refused'],
};

type Props = {
  state: string;
  reason?: string | null | undefined;
  /** With a ground of its own, beside a title. */
  filled?: boolean;
};

export function StateTag({ state, reason, filled = false }: Props) {
  const t = useText();
  const [tone, key] = states[state] ?? ['idle' as const, undefined];
  const tag = (
    <span
      className="osc-state"
      data-tone={tone}
      data-filled={filled || undefined}
      tabIndex={reason ? 0 : undefined}
    >
      {key ? t(key) : state}
    </span>
  );
  return reason ? <Tooltip title={reason}>{tag}</Tooltip> : tag;
}

/** An operation's state by a name of its own: one that runs will end, an instance that runs is well. */
export const operationState = (state: string) => (state === 'running' ? 'underway' : state);

/** An object's: what is well is not always something that runs. */
export const objectState = (state: string) => (state === 'running' ? 'healthy' : state);

/** How a state is to be taken. */
export const toneOf = (state: string): Tone => states[state]?.[0] ?? 'idle';

/** Whether a state will change by itself, so that a page keeps looking. */
export const isBusy = (state: string) => states[state]?.[0] === 'busy';
