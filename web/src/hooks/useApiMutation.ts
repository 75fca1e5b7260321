// A write: what it changed is asked for again, a message says that it worked, then the page moves on.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { App } from 'antd';

import { asApiError } from '~/api/errors';
import { useText } from '~/i18n';

type Options<In, Out> = {
  run: (input: In) => Promise<Out>;
  /** First parts of the query keys that the write makes stale. */
  changes: string[];
  /** Said when it worked. */
  done?: string;
  onDone?: (result: Out) => void;
  /** False where the page shows the error itself. */
  showError?: boolean;
};

export function useApiMutation<In, Out>({ run, changes, done, onDone, showError = true }: Options<In, Out>) {
  const client = useQueryClient();
  const { message, notification } = App.useApp();
  const t = useText();
  return useMutation({
    mutationFn: run,
    onSuccess: (result) => {
      // Not waited for: what was just deleted must not be asked for by the page that is being left.
      for (const key of changes) void client.invalidateQueries({ queryKey: [key] });
      if (done) void message.success(done);
      onDone?.(result);
    },
    onError: (error) => {
      if (!showError) return;
      const problem = asApiError(error);
      notification.error({
        title: problem.status === 0 ? t('error.offline') : problem.message,
        description: `${t('error.code')} ${problem.code}${problem.requestId ? ` · ${t('error.request')} ${problem.requestId}` : ''}`,
      });
    },
  });
}
