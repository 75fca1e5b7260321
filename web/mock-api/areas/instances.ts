// Instances: what they hold, say and are set to.
import type { Back } from '../back.ts';
import { before, objectsOf } from '../data.ts';
import { part, whole, type Schemas } from '../router.ts';

export function instances({ state, router, byId, reachable }: Back) {
  router.on('get', '/api/v1/instances', ({ query }) => {
    const search = query.get('search') ?? '';
    const fits = (instance: Schemas['Instance']) =>
      instance.name.includes(search) &&
      (['state', 'cluster', 'service'] as const).every(
        (field) => !query.get(field) || instance[field] === query.get(field),
      );
    return part(state.instances.filter(fits), query);
  });
  router.on('get', '/api/v1/instances/{id}', ({ params }) => byId(params['id'] ?? ''));
  router.on('get', '/api/v1/instances/{id}/values', ({ params }) => {
    const { id } = byId(params['id'] ?? '');
    return { overrides: state.overrides[id] ?? {}, defaults: {} };
  });
  router.on('get', '/api/v1/instances/{id}/history', ({ params }) =>
    whole(state.revisions[byId(params['id'] ?? '').id] ?? []),
  );
  router.on('get', '/api/v1/instances/{id}/objects', ({ params }) => {
    const { name, service, namespace, state: health } = byId(params['id'] ?? '');
    return objectsOf(service).map(([api_version, kind], index) => ({
      api_version,
      kind,
      namespace,
      name: `${name}-${service}`,
      part: 'main',
      health: health === 'degraded' && index === 2 ? 'progressing' : 'healthy',
      state: health === 'degraded' && index === 2 ? 'progressing' : 'running',
      reason: health === 'degraded' && index === 2 ? '1 of 2 replicas are ready' : null,
      created_at: before(300),
    }));
  });
  router.on('get', '/api/v1/instances/{id}/events', ({ params }) => {
    const { name, service } = byId(params['id'] ?? '');
    return [
      {
        time: before(4),
        type: 'Normal',
        reason: 'ScalingReplicaSet',
        object: `Deployment ${name}-${service}`,
        message: 'Scaled up replica set',
        count: 1,
      },
      {
        time: before(3),
        type: 'Warning',
        reason: 'BackOff',
        object: `Pod ${name}-${service}-x1`,
        message: 'Back-off restarting failed container',
        count: 6,
      },
    ];
  });
  router.on('get', '/api/v1/instances/{id}/logs', ({ params, query }) => {
    const { name, cluster } = byId(params['id'] ?? '');
    reachable(cluster);
    const pods = [`${name}-7d9f-x1`, `${name}-7d9f-x2`];
    const pod = query.get('pod') ?? pods[0] ?? null;
    const containers = ['main', 'proxy'];
    const container = query.get('container') ?? 'main';
    const text = 'listening on :8080\nGET / 200 1ms\n';
    return { pod, pods, container, containers, text, items: [{ pod: pod ?? '', container, text }] };
  });
}
