// The next page of a list that the server hands out in parts.
import { Button } from 'antd';

import { useText } from '~/i18n';

type Props = {
  query: {
    data?: unknown[] | undefined;
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    fetchNextPage: () => unknown;
  };
};

export function MoreButton({ query }: Props) {
  const t = useText();
  if (!query.hasNextPage) return null;
  return (
    <div className="osc-more">
      <span className="osc-muted osc-small">{t('list.shown', { count: query.data?.length ?? 0 })}</span>
      <Button loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
        {t('list.more')}
      </Button>
    </div>
  );
}
