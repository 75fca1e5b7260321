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

import { stepMessage, stepName } from './steps';

type Step = Schemas['Operation']['steps'][number];

const looks: Record<string, [typeof CheckCircleFilled, TextKey]> = {
  pending: [ClockCircleOutlined, 'step.pending'],
  started: [LoadingOutlined, 'step.started'],
  done: [CheckCircleFilled, 'step.done'],
  failed: [CloseCircleFilled, 'step.failed'],
  skipped: [MinusCircleOutlined, 'step.skipped'],
};

export function duration(from: string | null | undefined, to: string | null | undefined): string {
  if (!from || !to) return '';
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
  if (!(seconds >= 0)) return '';
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

export function OperationSteps({ steps }: { steps: Step[] }) {
  const t = useText();
  return (
    <ol className="osc-steps" aria-live="polite">
      {steps.map((step, index) => {
        const message = stepMessage(step, t);
        const [Icon, label] = looks[step.state] ?? looks['pending']!;
        return (
          <li key={index} data-state={step.state}>
            <Icon aria-label={t(label)} />
            <div>
              <div>{stepName(step.name, t)}</div>
              {message && <div className="osc-step-message">{message}</div>}
            </div>
            <span className="osc-muted osc-small">
              {step.state === 'skipped' ? t('step.notNeeded') : duration(step.started_at, step.finished_at)}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
