// What went wrong, its code and request id, and the way out.
import { Alert, Button } from 'antd';

import { asApiError } from '~/api/errors';
import { useText, type TextKey } from '~/i18n';

/** What can be done about an error, by its code. */
const ways: Record<string, TextKey> = {
  'not-found': 'error.wayNotFound',
  forbidden: 'error.wayForbidden',
  conflict: 'error.wayConflict',
  'already-exists': 'error.wayExists',
  'cluster-unreachable': 'error.wayUnreachable',
  'cluster-refused': 'error.wayClusterRefused',
  refused: 'error.wayRefused',
  'package-rejected': 'error.wayPackage',
  'too-large': 'error.wayTooLarge',
  'plugin-failed': 'error.wayPlugin',
  internal: 'error.wayInternal',
};

type Props = { error: unknown; onRetry?: () => void };

export function ErrorView({ error, onRetry }: Props) {
  const t = useText();
  const problem = asApiError(error);
  const offline = problem.status === 0;
  const way = offline ? 'error.offlineHelp' : ways[problem.code];
  return (
    <Alert
      type="error"
      showIcon
      title={offline ? t('error.offline') : problem.message}
      description={
        <>
          {way && <p>{t(way)}</p>}
          {problem.errors.length > 0 && (
            <ul className="osc-error-list">
              {problem.errors.map((item, index) => (
                <li key={index}>
                  {item.path && <code>{item.line ? `${item.path}:${item.line}` : item.path}</code>}{' '}
                  {item.message}
                </li>
              ))}
            </ul>
          )}
          <p className="osc-error-code">
            {t('error.code')} <code>{problem.code}</code>
            {problem.requestId && (
              <>
                {' · '}
                {t('error.request')} <code>{problem.requestId}</code>
              </>
            )}
          </p>
        </>
      }
      action={
        onRetry && (
          <Button size="small" onClick={onRetry}>
            {t('error.retry')}
          </Button>
        )
      }
    />
  );
}
