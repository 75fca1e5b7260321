// Clusters, and what can be picked in them.
import type { Back } from '../back.ts';
import { before } from '../data.ts';
import { Refusal, whole, type Schemas } from '../router.ts';

export function clusters({ state, router, changed, nextId, clusterOf, reachable }: Back) {
  router.on('get', '/api/v1/clusters', () => whole(state.clusters));
  router.on(
    'post',
    '/api/v1/clusters',
    ({ body }) => {
      if (!body.kubeconfig.includes('server:'))
        throw new Refusal(400, 'invalid', 'invalid `kubeconfig`: it names no server');
      const made: Schemas['Cluster'] = {
        id: nextId(),
        name: body.name,
        region: body.region,
        kind: 'kubeconfig',
        owner: 'default',
        state: 'available',
        reason: null,
        version: 'v1.34.2',
        created_at: before(0),
        checked_at: before(0),
      };
      state.clusters.push(made);
      changed('clusters');
      return made;
    },
    201,
  );
  router.on('post', '/api/v1/clusters/{name}/check', ({ params }) => {
    const cluster = clusterOf(params['name']);
    cluster.checked_at = before(0);
    return cluster;
  });
  router.on('delete', '/api/v1/clusters/{name}', ({ params, query }) => {
    const { name } = clusterOf(params['name']);
    const count = state.instances.filter(({ cluster }) => cluster === name).length;
    if (query.get('forget_instances') === 'true')
      state.instances = state.instances.filter(({ cluster }) => cluster !== name);
    else if (count > 0)
      throw new Refusal(409, 'conflict', `cluster \`${name}\` has ${count} instances: delete them first`);
    state.clusters = state.clusters.filter((cluster) => cluster.name !== name);
    return undefined;
  });
  router.on('get', '/api/v1/clusters/{name}/namespaces', () => ['default', 'demo']);
  router.on('get', '/api/v1/clusters/{name}/choices', ({ params, query }) => {
    reachable(params['name']);
    return {
      storage_classes: ['standard', 'archive'],
      secrets: query.get('namespace') ? ['tls-example-org', 'registry-login'] : [],
    };
  });
}
