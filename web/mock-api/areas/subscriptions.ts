// What a tenant uses.
import type { Back } from '../back.ts';
import { before } from '../data.ts';
import { whole, type Schemas } from '../router.ts';

export function subscriptions({ state, router, nextId, serviceOf, audit }: Back) {
  router.on('get', '/api/v1/subscriptions', () => whole(state.subscriptions));
  router.on('post', '/api/v1/subscriptions', ({ body }) => {
    const service = serviceOf(body.service);
    service.subscribed = true;
    const made: Schemas['Subscription'] = {
      id: nextId(),
      service: service.name,
      provider: service.provider,
      state: 'active',
      instances: 0,
      latest_version: service.latest_version ?? null,
      created_at: before(0),
    };
    state.subscriptions.push(made);
    audit('SubscribeService', 'subscription', service.name);
    return made;
  });
  router.on(
    'delete',
    '/api/v1/subscriptions/{service}',
    ({ params }) => {
      const service = serviceOf(params['service'] ?? '');
      service.subscribed = false;
      state.subscriptions = state.subscriptions.filter((item) => item.service !== service.name);
      return { service: service.name, state: 'ended', operations: [] };
    },
    202,
  );
}
