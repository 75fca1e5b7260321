import { HistoryOutlined } from '@ant-design/icons';
import { useInfiniteQuery } from '@tanstack/react-query';

import { queries } from '~/api/queries';
import { OperationsTable } from '~/components/OperationsTable';
import { useText } from '~/i18n';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';
import { MoreButton } from '~/ui/MoreButton';
import { PageHeader } from '~/ui/PageHeader';

export default function Operations() {
  const t = useText();
  const operations = useInfiniteQuery(queries.operations());
  return (
    <>
      <PageHeader title={t('nav.operations')} subtitle={t('operations.subtitle')} />
      {operations.isError && <ErrorView error={operations.error} onRetry={() => void operations.refetch()} />}
      {operations.data?.length === 0 ? (
        <EmptyView icon={<HistoryOutlined aria-hidden />} title={t('operations.empty')}>
          {t('operations.emptyHelp')}
        </EmptyView>
      ) : (
        <OperationsTable operations={operations.data ?? []} loading={operations.isPending} />
      )}
      <MoreButton query={operations} />
    </>
  );
}
