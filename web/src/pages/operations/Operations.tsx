import { HistoryOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';

import { queries } from '~/api/queries';
import { OperationsTable } from '~/components/OperationsTable';
import { useText } from '~/i18n';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';
import { PageHeader } from '~/ui/PageHeader';

export default function Operations() {
  const t = useText();
  const operations = useQuery(queries.operations());
  return (
    <>
      <PageHeader title={t('nav.operations')} subtitle={t('operations.subtitle')} />
      {operations.isError && <ErrorView error={operations.error} onRetry={() => void operations.refetch()} />}
      {operations.data?.items.length === 0 ? (
        <EmptyView icon={<HistoryOutlined aria-hidden />} title={t('operations.empty')}>
          {t('operations.emptyHelp')}
        </EmptyView>
      ) : (
        <OperationsTable operations={operations.data?.items ?? []} loading={operations.isPending} />
      )}
    </>
  );
}
