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
  /** The page is left when it worked: what it shows is not asked for once more, it may be gone. */
  leaves?: boolean;
  /** False where the page shows the error itself. */
  showError?: boolean;
};

export function useApiMutation<In, Out>(options: Options<In, Out>) {
  const { run, changes, done, onDone, leaves = false, showError = true } = options;
  const client = useQueryClient();
  const { message, notification } = App.useApp();
  const t = useText();
  return useMutation({
    mutationFn: run,
    onSuccess: (result) => {
      const refetchType = leaves ? 'none' : 'active';
      for (const key of changes) void client.invalidateQueries({ queryKey: [key], refetchType });
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
