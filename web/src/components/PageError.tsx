// In place of a page that cannot be shown: what went wrong, and the way back.
import { useText } from '~/i18n';
import { ErrorView } from '~/ui/ErrorView';
import { PageHeader } from '~/ui/PageHeader';

type Props = {
  error: unknown;
  /** Where the page would lie. */
  trail: { label: string; to: string }[];
  onRetry?: () => void;
};

export function PageError({ error, trail, onRetry }: Props) {
  const t = useText();
  return (
    <>
      <PageHeader title={t('error.page')} trail={trail} />
      <ErrorView error={error} {...(onRetry && { onRetry })} />
    </>
  );
}
