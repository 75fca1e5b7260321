import { CompassOutlined } from '@ant-design/icons';

import { LinkButton } from '~/components/LinkButton';
import { useText } from '~/i18n';
import { EmptyView } from '~/ui/EmptyView';
import { PageHeader } from '~/ui/PageHeader';
import { paths } from '~/util/path-builder';

export default function NotFound() {
  const t = useText();
  return (
    <>
      <PageHeader title={t('notFound.title')} />
      <EmptyView
        icon={<CompassOutlined aria-hidden />}
        title={t('notFound.help')}
        action={
          <LinkButton to={paths.catalogue()} type="primary">
            {t('notFound.home')}
          </LinkButton>
        }
      >
        {t('notFound.where')} <code>{window.location.pathname}</code>
      </EmptyView>
    </>
  );
}
