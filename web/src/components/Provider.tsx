// Whose a service is: one's own tenant is not named as if it were somebody else.
import { useQuery } from '@tanstack/react-query';

import { queries } from '~/api/queries';
import { useText } from '~/i18n';

export function Provider({ name }: { name: string }) {
  const t = useText();
  const me = useQuery(queries.me());
  return <>{name === me.data?.tenant ? t('service.own') : t('service.by', { provider: name })}</>;
}
