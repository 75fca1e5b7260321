import { AppstoreOutlined, CheckOutlined, PlusOutlined, SearchOutlined } from '@ant-design/icons';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Button, Input, Segmented, Skeleton } from 'antd';
import { Link, useSearchParams } from 'react-router';

import type { Schemas } from '~/api/client';
import { queries } from '~/api/queries';
import { LinkButton } from '~/components/LinkButton';
import { Provider } from '~/components/Provider';
import { ServiceLogo } from '~/components/ServiceLogo';
import { useText } from '~/i18n';
import { Chip } from '~/ui/Chip';
import { EmptyView } from '~/ui/EmptyView';
import { ErrorView } from '~/ui/ErrorView';
import { MoreButton } from '~/ui/MoreButton';
import { PageHeader } from '~/ui/PageHeader';
import { paths } from '~/util/path-builder';

export default function Catalogue() {
  const t = useText();
  const [search, setSearch] = useSearchParams();
  const q = search.get('q') ?? '';
  const kind = search.get('kind') ?? '';
  const services = useInfiniteQuery(queries.services({ ...(q && { search: q }), ...(kind && { kind }) }));
  const put = (name: string, value: string) => {
    const next = new URLSearchParams(search);
    if (value) next.set(name, value);
    else next.delete(name);
    setSearch(next, { replace: true });
  };
  const upload = (
    <LinkButton to={paths.upload()} type="primary" icon={<PlusOutlined aria-hidden />}>
      {t('catalogue.upload')}
    </LinkButton>
  );
  const filtered = q !== '' || kind !== '';
  return (
    <>
      <PageHeader title={t('nav.catalogue')} subtitle={t('catalogue.subtitle')} actions={upload} />
      <div className="osc-filters">
        <Input
          allowClear
          prefix={<SearchOutlined aria-hidden />}
          placeholder={t('catalogue.search')}
          aria-label={t('catalogue.search')}
          style={{ width: 340 }}
          value={q}
          onChange={(event) => put('q', event.target.value)}
        />
        <Segmented
          aria-label={t('catalogue.kindFilter')}
          value={kind}
          onChange={(value) => put('kind', value)}
          options={[
            { value: '', label: t('catalogue.all') },
            { value: 'helm', label: 'Helm' },
            { value: 'operator', label: 'Operator' },
            { value: 'osc', label: 'OSC' },
          ]}
        />
        <span className="osc-spring" />
        {services.data && services.data.length > 0 && (
          <span className="osc-muted osc-small">{t('catalogue.count', { count: services.data.length })}</span>
        )}
      </div>
      {services.isError && <ErrorView error={services.error} onRetry={() => void services.refetch()} />}
      {services.isPending && <Skeleton active />}
      {services.data && services.data.length === 0 && (
        <EmptyView
          icon={<AppstoreOutlined aria-hidden />}
          title={filtered ? t('catalogue.nothingFound') : t('catalogue.empty')}
          action={filtered ? <Button onClick={() => setSearch({})}>{t('catalogue.clear')}</Button> : upload}
        >
          {filtered ? t('catalogue.nothingFoundHelp') : t('catalogue.emptyHelp')}
        </EmptyView>
      )}
      <div className="osc-grid">
        {services.data?.map((service) => (
          <Card key={`${service.provider}/${service.name}`} service={service} />
        ))}
      </div>
      <MoreButton query={services} />
    </>
  );
}

function Card({ service }: { service: Schemas['Service'] }) {
  const t = useText();
  const me = useQuery(queries.me());
  // Another provider's may have the same name as one's own.
  const own = service.provider === me.data?.tenant;
  const address = own ? service.name : `${service.provider}/${service.name}`;
  return (
    <Link to={paths.service(address)} className="osc-card">
      <div className="osc-card-head">
        <ServiceLogo name={service.name} />
        <div>
          <h2 className="ant-typography">{service.name}</h2>
          <span className="osc-muted osc-small">
            <Provider name={service.provider} />
          </span>
        </div>
        {service.latest_version && <code className="osc-muted">{service.latest_version}</code>}
      </div>
      <p>{service.description ?? t('catalogue.noDescription')}</p>
      <div className="osc-card-foot">
        <Chip tone="accent">{service.kind}</Chip>
        {service.categories.slice(0, 2).map((category) => (
          <Chip key={category}>{category}</Chip>
        ))}
        {service.state === 'private' && <Chip>{t('state.private')}</Chip>}
        <span className="osc-spring" />
        {service.subscribed && (
          <span className="osc-muted osc-small">
            <CheckOutlined /> {t('catalogue.subscribed')}
          </span>
        )}
      </div>
    </Link>
  );
}
