// Plugins, their grants and their log.
import type { Back } from '../back.ts';
import { before } from '../data.ts';
import { Refusal, whole, type Schemas } from '../router.ts';

export function plugins({ state, router, changed, find, audit }: Back) {
  const pluginOf = (id: string | undefined) => find(state.plugins, 'plugin', id, (plugin) => plugin.id);
  router.on('get', '/api/v1/plugins', () => whole(state.plugins as Schemas['Plugin'][]));
  router.on(
    'post',
    '/api/v1/plugins',
    async ({ request }) => {
      if ((await request.text()).startsWith('trap'))
        throw new Refusal(400, 'invalid', 'invalid `plugin`: it trapped while it described itself');
      const made: Schemas['Plugin'] = {
        id: 'acme.backup',
        version: '0.3.0',
        description: 'Backs instances up to a bucket',
        digest: `sha256:${'cd'.repeat(32)}`,
        roles: ['deployer'],
        source: 'installed',
        state: 'disabled',
        reason: null,
        ready: true,
        priority: 0,
        faults: 0,
        grants: {},
        requested: {
          package: true,
          kv: true,
          http: ['bucket.acme.example.org'],
          cluster: ['v1/Secret', 'apps/*'],
        },
        settings: {},
      };
      state.plugins = [...state.plugins.filter(({ id }) => id !== made.id), made];
      audit('InstallPlugin', 'plugin', made.id);
      changed('plugins');
      return made;
    },
    201,
  );
  router.on('delete', '/api/v1/plugins/{id}', ({ params }) => {
    const { id, source } = pluginOf(params['id']);
    if (source === 'built-in') throw new Refusal(409, 'conflict', `plugin \`${id}\` is built in`);
    state.plugins = state.plugins.filter((plugin) => plugin.id !== id);
    return undefined;
  });
  router.on('post', '/api/v1/plugins/{id}/enable', ({ params }) => {
    const plugin = pluginOf(params['id']);
    const { requested, grants } = plugin;
    const lacking = Object.keys(requested).find((key) => grants !== 'requested' && !(key in Object(grants)));
    if (lacking)
      throw new Refusal(403, 'refused', `plugin \`${plugin.id}\` uses \`${lacking}\`, which is not granted`);
    Object.assign(plugin, { state: 'enabled', reason: null, faults: 0 });
    return plugin;
  });
  router.on('post', '/api/v1/plugins/{id}/disable', ({ params }) =>
    Object.assign(pluginOf(params['id']), { state: 'disabled' }),
  );
  router.on('put', '/api/v1/plugins/{id}/grants', ({ params, body }) => {
    const plugin = pluginOf(params['id']);
    plugin.grants = body;
    audit('UpdatePlugin', 'plugin', plugin.id);
    return body;
  });
  router.on('post', '/api/v1/plugins/{id}/rebuild', ({ params }) => {
    const plugin = pluginOf(params['id']);
    if (plugin.state === 'faulted') Object.assign(plugin, { state: 'enabled', reason: null });
    audit('RecreatePlugin', 'plugin', plugin.id);
    return plugin;
  });
  router.on('get', '/api/v1/plugins/{id}/logs', ({ params }) => {
    const { id, faults } = pluginOf(params['id']);
    const lines = [{ time: before(6), level: 'info', message: `${id} was loaded` }];
    if (faults > 0) lines.push({ time: before(5), level: 'error', message: 'wasm trap: unreachable' });
    return whole(lines);
  });
}
