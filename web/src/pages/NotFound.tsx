import { CompassOutlined } from '@ant-design/icons';
import { Button } from 'antd';

import { useText } from '~/i18n';
import { EmptyView } from '~/ui/EmptyView';
import { paths } from '~/util/path-builder';

export default function NotFound() {
  const t = useText();
  return (
    <main className="osc-signin">
      <EmptyView
        icon={<CompassOutlined aria-hidden />}
        title={t('notFound.title')}
        action={
          <Button type="primary" href={paths.catalogue()}>
            {t('notFound.home')}
          </Button>
        }
      >
        {t('notFound.help')}
      </EmptyView>
    </main>
  );
}
