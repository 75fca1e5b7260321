// Steps of an operation as they go by.
import {
  CheckCircleFilled,
  ClockCircleOutlined,
  CloseCircleFilled,
  LoadingOutlined,
  MinusCircleOutlined,
} from '@ant-design/icons';

import type { Schemas } from '~/api/client';
import { useText, type TextKey } from '~/i18n';

type Step = Schemas['Operation']['steps'][number];

const looks: Record<string, [typeof CheckCircleFilled, string, TextKey]> = {
  pending: [ClockCircleOutlined, 'var(--ant-color-text-quaternary)', 'step.pending'],
  started: [LoadingOutlined, 'var(--ant-color-info)', 'step.started'],
  done: [CheckCircleFilled, 'var(--ant-color-success)', 'step.done'],
  failed: [CloseCircleFilled, 'var(--ant-color-error)', 'step.failed'],
  skipped: [MinusCircleOutlined, 'var(--ant-color-text-quaternary)', 'step.skipped'],
};

export function duration(from: string | null | undefined, to: string | null | undefined): string {
  if (!from || !to) return '';
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
  if (!(seconds >= 0)) return '';
  return seconds < 10
    ? `${seconds.toFixed(1)} s`
    : seconds < 120
      ? `${Math.round(seconds)} s`
      : `${Math.round(seconds / 60)} min`;
}

export function OperationSteps({ steps }: { steps: Step[] }) {
  const t = useText();
  return (
    <ol className="osc-steps" aria-live="polite">
      {steps.map((step, index) => {
        const [Icon, color, label] = looks[step.state] ?? looks['pending']!;
        return (
          <li key={index} data-state={step.state}>
            <Icon style={{ color, fontSize: 16, marginTop: 3 }} aria-label={t(label)} />
            <div>
              <div>{step.name}</div>
              {step.message && <div className="osc-step-message">{step.message}</div>}
            </div>
            <span className="osc-muted">{duration(step.started_at, step.finished_at)}</span>
          </li>
        );
      })}
    </ol>
  );
}
