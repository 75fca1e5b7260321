// The way of a version to other tenants, and reviews on it.
import type { Back } from '../back.ts';
import { part, type Schemas } from '../router.ts';

export function releases({ state, router, changed, find, serviceOf, versionOf }: Back) {
  const move = (params: Record<string, string>, to: string) => {
    const version = versionOf(params);
    version.state = to;
    version.state_reason = null;
    if (to === 'published') serviceOf(version.service).state = 'published';
    changed('services');
    return version;
  };
  const version = '/api/v1/services/{name}/versions/{version}' as const;
  router.on('post', `${version}/submit`, ({ params }) => move(params, 'submitted'));
  router.on('post', `${version}/publish`, ({ params }) => move(params, 'published'));
  router.on('post', `${version}/suspend`, ({ params }) => move(params, 'suspended'));
  router.on('post', `${version}/withdraw`, ({ params }) => move(params, 'withdrawn'));
  const idOf = ({ service, version }: Schemas['Version']) => `${service}@${version}`;
  router.on('get', '/api/v1/reviews', ({ query }) =>
    part(
      state.versions
        .filter((found) => found.state === 'submitted')
        .map((found) => ({ id: idOf(found), provider: serviceOf(found.service).provider, version: found })),
      query,
    ),
  );
  const reviewed = (id: string | undefined, to: string, reason: string | null) => {
    const found = find(state.versions, 'review', id, idOf);
    found.state = to;
    found.state_reason = reason;
    changed('services');
    return found;
  };
  router.on('post', '/api/v1/reviews/{id}/approve', ({ params }) => reviewed(params['id'], 'approved', null));
  router.on('post', '/api/v1/reviews/{id}/refuse', ({ params, body }) =>
    reviewed(params['id'], 'refused', body.reason),
  );
}
