// The mock back end: the API in memory, enough for the console's pages and their tests.
//
// Failures are provoked by names: an instance `fails` ends in a failed operation, a package whose file is called
// `broken…` is rejected, a plugin file `trap…` is refused, the cluster `prod-eu` does not answer, and the sign-in link
// with the token `old` works no more.
import { seed, before, type State } from './data.ts';
import { everything, plain } from './forms.ts';
import { missing, part, Refusal, Router, whole, type Schemas } from './router.ts';

export type Mock = {
  state: State;
  fetch: (request: Request) => Promise<Response>;
  /** Hears the name of each resource that changed. */
  listen: (listener: (resource: string) => void) => () => void;
  /** What was sent, for tests: `POST /api/v1/plans` and its body. */
  sent: { call: string; body: unknown }[];
  /** The session has ended. */
  signedOut: boolean;
};

type Running = { operation: Schemas['Operation']; begun: number; settle: () => void; fails: boolean };

/** `stepTime` is how long each step of an operation takes, in milliseconds. */
export function createMock({ stepTime = 700 } = {}): Mock {
  const state = seed();
  const router = new Router();
  const listeners = new Set<(resource: string) => void>();
  const changed = (resource: string) => listeners.forEach((hear) => hear(resource));
  const plans = new Map<string, { plan: Schemas['Plan']; wish: Schemas['PlanCreate'] }>();
  const running = new Map<string, Running>();
  const operations = state.operations;
  let number = 100;
  const nextId = () => String(++number);

  const find = <T>(items: T[], kind: string, id: string | null | undefined, key: (item: T) => string): T => {
    const found = items.find((item) => key(item) === id);
    if (!found) throw missing(kind, id ?? '');
    return found;
  };
  const byId = (id: string) =>
    state.instances.find((instance) => instance.id === id) ??
    find(state.instances, 'instance', id, ({ name }) => name);
  const serviceOf = (said: string) => {
    const name = said.split('/').at(-1) ?? '';
    return find(state.services, 'service', name, (service) => service.name);
  };
  const clusterOf = (name: string | null | undefined) =>
    find(state.clusters, 'cluster', name, (cluster) => cluster.name);
  const audit = (operation: string, resource: string, name: string, result = 'ok') => {
    state.audit.unshift({
      id: nextId(),
      time: new Date().toISOString(),
      actor: state.me.name,
      tenant: state.me.tenant,
      operation,
      resource,
      name,
      result,
      request_id: `mock-${number}`,
    });
    changed('audit');
  };

  // ---- who, and what the server is

  router.on('post', '/api/v1/session', ({ body }) => {
    if (body.token === 'old') throw new Refusal(401, 'unauthenticated', 'the link was used or is too old');
    mock.signedOut = false;
    return state.me;
  });
  router.on('delete', '/api/v1/session', () => undefined);
  router.on('get', '/api/v1/me', () => {
    if (mock.signedOut) throw new Refusal(401, 'unauthenticated', 'sign in first');
    return state.me;
  });
  router.on('get', '/api/v1/about', () => state.about);
  router.on('get', '/api/v1/tokens', () => whole(state.tokens));
  router.on(
    'post',
    '/api/v1/tokens',
    ({ body }) => {
      const expires_at = body.days ? before(-body.days * 24 * 60) : null;
      const id = nextId();
      state.tokens.push({ id, name: body.name, created_at: before(0), expires_at, last_used_at: null });
      return { id, name: body.name, token: `osc_mock_${id}`, expires_at };
    },
    201,
  );
  router.on('delete', '/api/v1/tokens/{id}', ({ params }) => {
    state.tokens = state.tokens.filter(({ id }) => id !== params['id']);
    return undefined;
  });
  router.on('get', '/api/v1/users', () => whole(state.users));
  router.on(
    'post',
    '/api/v1/users',
    ({ body }) => {
      if (state.users.some(({ name }) => name === body.name))
        throw new Refusal(409, 'already-exists', `user \`${body.name}\` already exists`);
      const user: Schemas['User'] = {
        name: body.name,
        platform_role: body.platform_role ?? null,
        has_password: Boolean(body.password),
        disabled: false,
        created_at: before(0),
      };
      state.users.push(user);
      return user;
    },
    201,
  );
  router.on('patch', '/api/v1/users/{name}', ({ params, body }) => {
    const user = find(state.users, 'user', params['name'], ({ name }) => name);
    if (typeof body.disabled === 'boolean') user.disabled = body.disabled;
    return user;
  });
  router.on(
    'post',
    '/api/v1/users/{name}/link',
    ({ params }) => ({ token: `osc_link_${params['name']}`, expires_at: before(-10) }),
    201,
  );
  router.on('get', '/api/v1/tenants', () =>
    whole(Object.keys(state.members).map((name) => ({ name, created_at: before(9000) }))),
  );
  router.on(
    'post',
    '/api/v1/tenants',
    ({ body }) => {
      state.members[body.name] = [];
      return { name: body.name, created_at: before(0) };
    },
    201,
  );
  router.on('get', '/api/v1/tenants/{name}/members', ({ params }) =>
    whole(state.members[params['name'] ?? ''] ?? []),
  );
  router.on('put', '/api/v1/tenants/{name}/members/{user}', ({ params, body }) => {
    const members = (state.members[params['name'] ?? ''] ??= []);
    const present = members.find(({ user }) => user === params['user']);
    if (present) present.role = body.role;
    else members.push({ user: params['user'] ?? '', role: body.role });
    return whole(members);
  });
  router.on('get', '/api/v1/audit', ({ query }) => {
    const fits = (entry: Schemas['AuditEntry']) =>
      (['operation', 'resource', 'name', 'actor', 'result'] as const).every(
        (field) => !query.get(field) || entry[field] === query.get(field),
      );
    return part(state.audit.filter(fits), query);
  });

  // ---- services and packages

  router.on('get', '/api/v1/services', ({ query }) => {
    const search = (query.get('search') ?? '').toLowerCase();
    const kind = query.get('kind');
    return part(
      state.services.filter(
        (service) =>
          (!kind || service.kind === kind) &&
          `${service.name} ${service.description}`.toLowerCase().includes(search),
      ),
      query,
    );
  });
  router.on('get', '/api/v1/services/{name}', ({ params }) => serviceOf(params['name'] ?? ''));
  const versionsOf = (said: string) =>
    state.versions.filter(({ service }) => service === said.split('/').at(-1));
  const versionOf = (params: Record<string, string>) =>
    find(versionsOf(params['name'] ?? ''), 'version', params['version'], ({ version }) => version);
  router.on('get', '/api/v1/services/{name}/versions', ({ params }) =>
    whole(versionsOf(serviceOf(params['name'] ?? '').name)),
  );
  router.on('get', '/api/v1/services/{name}/versions/{version}', ({ params }) => versionOf(params));
  router.on('get', '/api/v1/services/{name}/versions/{version}/form', ({ params }) =>
    versionOf(params).service === 'everything' ? everything : plain,
  );
  router.on('get', '/api/v1/services/{name}/versions/{version}/readme', ({ params }) => {
    const { service } = versionOf(params);
    return new Response(
      `# ${service}\n\nA made-up service of the mock back end.\n\n## Values\n\n| name | default |\n|---|---|\n| \`replicas\` | 1 |\n`,
      { headers: { 'content-type': 'text/markdown' } },
    );
  });
  router.on(
    'post',
    '/api/v1/packages',
    ({ query }) => {
      const file = query.get('filename') ?? 'package.tgz';
      const [, name = 'package', version = '0.1.0'] = /^(.+?)-(\d+\.\d+\.\d+)\./.exec(file) ?? [];
      const broken = file.startsWith('broken');
      const made: Schemas['Version'] = {
        service: name,
        version,
        created_at: before(0),
        digest: `sha256:${'ab'.repeat(32)}`,
        size: 2000,
        state: broken ? 'rejected' : 'ready',
        state_reason: broken ? '1 finding refuses the package' : null,
        facts: {},
        findings: broken
          ? [
              {
                id: 'f1',
                check: 'OSC-LINT-template',
                severity: 'high',
                result: 'failed',
                message: 'unexpected `}` in template',
                path: 'templates/deployment.yaml',
                line: 12,
                object: null,
                remediation: 'close the action with `}}`',
                blocking: true,
              },
            ]
          : [],
      };
      state.versions.unshift(made);
      if (!state.services.some((service) => service.name === name)) {
        state.services.unshift({
          name,
          kind: 'helm',
          description: null,
          categories: [],
          keywords: [],
          icon: null,
          provider: 'default',
          state: 'private',
          subscribed: true,
          created_at: before(0),
          latest_version: broken ? null : version,
          versions: 1,
        });
      }
      audit('UploadServiceVersion', 'file', file);
      changed('services');
      return [made];
    },
    201,
  );

  // ---- the way to other tenants

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

  // ---- subscriptions

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

  // ---- clusters

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
  const reachable = (name: string | undefined) => {
    const cluster = clusterOf(name);
    if (cluster.state === 'unreachable')
      throw new Refusal(503, 'cluster-unreachable', `cluster \`${cluster.name}\` is not reachable`);
    return cluster;
  };
  router.on('get', '/api/v1/clusters/{name}/namespaces', () => ['default', 'demo']);
  router.on('get', '/api/v1/clusters/{name}/choices', ({ params, query }) => {
    reachable(params['name']);
    return {
      storage_classes: ['standard', 'archive'],
      secrets: query.get('namespace') ? ['tls-example-org', 'registry-login'] : [],
    };
  });

  // ---- plans and operations

  const objectsOf = (service: string): [string, string][] => [
    ['v1', 'ConfigMap'],
    ['v1', 'Service'],
    ['apps/v1', service === 'ledger' ? 'StatefulSet' : 'Deployment'],
  ];
  const planOf = (wish: Schemas['PlanCreate']): Schemas['Plan'] => {
    const present = wish.instance ? byId(wish.instance) : null;
    const name = present?.name ?? wish.name ?? 'instance';
    const service = present?.service ?? wish.service ?? '';
    const namespace = present?.namespace ?? wish.namespace ?? 'default';
    reachable(present?.cluster ?? wish.cluster ?? undefined);
    const action = { install: 'create', uninstall: 'delete' }[wish.verb] ?? 'update';
    const values = JSON.stringify(wish.values ?? {});
    const diffs: Record<string, string> = {
      create: `+apiVersion: v1\n+metadata:\n+  name: ${name}\n+values: ${values}\n`,
      update: `@@ -3,3 +3,3 @@\n spec:\n-  replicas: 2\n+  replicas: 3\n`,
      delete: '',
    };
    return {
      id: nextId(),
      hash: `hash-${number}`,
      state: 'open',
      verb: wish.verb,
      instance: name,
      created_at: before(0),
      expires_at: before(-60),
      changes: objectsOf(service).map(([api_version, kind], index) => ({
        action: action === 'update' && index < 2 ? 'none' : action,
        api_version,
        kind,
        namespace,
        name: `${name}-${service}`,
        diff: action === 'update' && index < 2 ? '' : (diffs[action] ?? ''),
        checked: action !== 'create' || namespace === 'default',
        reason: action === 'create' ? `namespace \`${namespace}\` is not there yet` : null,
      })),
      kept:
        wish.verb === 'uninstall' && !wish.purge_data
          ? [{ kind: 'PersistentVolumeClaim', namespace, name: `data-${name}-0`, reason: 'data is kept' }]
          : [],
      images: [`registry.example.org/${service}`],
      crds: [],
      permissions: [],
      warnings: [],
    };
  };
  router.on('post', '/api/v1/plans', ({ body }) => {
    if (body.verb === 'install' && state.instances.some(({ name }) => name === body.name))
      throw new Refusal(409, 'already-exists', `instance \`${body.name}\` already exists`);
    const plan = planOf(body);
    plans.set(plan.id, { plan, wish: body });
    return plan;
  });
  const planned = (id: string | undefined) => {
    const found = plans.get(id ?? '');
    if (!found) throw missing('plan', id ?? '');
    return found;
  };
  router.on('get', '/api/v1/plans/{id}', ({ params }) => planned(params['id']).plan);

  const carryOut = (plan: Schemas['Plan'], wish: Schemas['PlanCreate']): Schemas['Operation'] => {
    const names = [
      'ensure-namespace',
      'record',
      ...plan.changes.map((c) => `${c.action} ${c.kind}`),
      'wait until ready',
    ];
    const operation: Schemas['Operation'] = {
      id: nextId(),
      kind: wish.verb,
      instance: plan.instance,
      plan: plan.id,
      state: 'running',
      reason: null,
      attempt: 1,
      cancel_requested: false,
      created_at: before(0),
      started_at: before(0),
      finished_at: null,
      steps: names.map((name) => ({
        name,
        state: 'pending',
        started_at: null,
        finished_at: null,
        message: null,
      })),
    };
    const settle = () => settled(wish, plan, operation);
    running.set(operation.id, { operation, begun: Date.now(), settle, fails: plan.instance === 'fails' });
    operations.unshift(operation);
    return operation;
  };

  /** What the end of an operation leaves behind. */
  const settled = (wish: Schemas['PlanCreate'], plan: Schemas['Plan'], operation: Schemas['Operation']) => {
    if (wish.verb === 'uninstall') {
      state.instances = state.instances.filter(({ name }) => name !== plan.instance);
    } else if (wish.verb === 'install') {
      const { cluster, region } = { cluster: wish.cluster ?? 'sandbox', region: 'local' };
      const id = nextId();
      state.instances.unshift({
        id,
        name: plan.instance,
        service: wish.service ?? '',
        provider: 'default',
        version: wish.version ?? '1.0.0',
        cluster,
        region,
        namespace: wish.namespace ?? 'default',
        state: operation.state === 'failed' ? 'failed' : 'running',
        reason: operation.reason ?? null,
        revision: 1,
        plugin: 'helm',
        description: wish.description ?? '',
        operation: null,
        upgrade_available: null,
        created_at: before(0),
        checked_at: before(0),
        endpoints: [],
      });
      state.overrides[id] = (wish.values ?? {}) as Record<string, unknown>;
      state.revisions[id] = [];
    } else {
      const instance = byId(plan.instance);
      instance.revision += 1;
      if (wish.version) instance.version = wish.version;
      if (wish.values) state.overrides[instance.id] = wish.values as Record<string, unknown>;
      if (instance.version === serviceOf(instance.service).latest_version) instance.upgrade_available = null;
    }
    changed('instances');
  };

  /** Moves an operation to where it is by now: a step each `stepTime`. */
  const advance = (operation: Schemas['Operation']) => {
    const job = running.get(operation.id);
    if (!job) return operation;
    const done = Math.floor((Date.now() - job.begun) / Math.max(stepTime, 1));
    operation.steps.forEach((step, index) => {
      const last = index === operation.steps.length - 1;
      step.state =
        index < done ? (last && job.fails ? 'failed' : 'done') : index === done ? 'started' : 'pending';
      if (index <= done) step.started_at ??= before(0);
      if (index < done) step.finished_at ??= before(0);
    });
    if (done >= operation.steps.length) {
      running.delete(operation.id);
      operation.state = job.fails ? 'failed' : 'succeeded';
      operation.reason = job.fails ? 'the Deployment was not ready within 5 minutes' : null;
      operation.finished_at = before(0);
      job.settle();
    }
    return operation;
  };
  router.on('get', '/api/v1/operations', ({ query }) => {
    const asked = query.get('instance');
    const name = asked ? byId(asked).name : null;
    return part(
      operations.map(advance).filter(({ instance }) => !name || instance === name),
      query,
    );
  });
  router.on(
    'post',
    '/api/v1/operations',
    ({ body }) => {
      const { plan, wish } = planned(body.plan);
      if (plan.hash !== body.hash) throw new Refusal(409, 'stale', 'the plan has changed: make it again');
      if (plan.state !== 'open') throw new Refusal(409, 'used', 'the plan was applied before');
      plan.state = 'used';
      audit(
        { install: 'CreateInstance', uninstall: 'DeleteInstance' }[wish.verb] ?? 'UpdateInstance',
        'instance',
        plan.instance,
      );
      return carryOut(plan, wish);
    },
    202,
  );
  const operationOf = (id: string | undefined) =>
    find(operations, 'operation', id, (operation) => operation.id);
  router.on('post', '/api/v1/operations/{id}/retry', ({ params }) => {
    const operation = operationOf(params['id']);
    Object.assign(operation, { state: 'running', reason: null, attempt: operation.attempt + 1 });
    running.set(operation.id, { operation, begun: Date.now(), settle: () => undefined, fails: false });
    return operation;
  });
  router.on('get', '/api/v1/operations/{id}', ({ params }) => advance(operationOf(params['id'])));
  router.on('post', '/api/v1/operations/{id}/cancel', ({ params }) => {
    const operation = operationOf(params['id']);
    running.delete(operation.id);
    operation.state = 'cancelled';
    return operation;
  });

  // ---- instances

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

  // ---- plugins

  const pluginOf = (id: string | undefined) => find(state.plugins, 'plugin', id, (plugin) => plugin.id);
  router.on('get', '/api/v1/plugins', () => whole(state.plugins as Schemas['Plugin'][]));
  router.on(
    'post',
    '/api/v1/plugins',
    () => {
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

  const sent: Mock['sent'] = [];
  const mock: Mock = {
    state,
    sent,
    signedOut: false,
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    fetch: async (request) => {
      if (request.method !== 'GET') {
        const text = await request.clone().text();
        const json = request.headers.get('content-type')?.includes('json');
        const { pathname } = new URL(request.url);
        sent.push({
          call: `${request.method} ${pathname}`,
          body: json && text ? JSON.parse(text) : undefined,
        });
      }
      return router.answer(request);
    },
  };
  return mock;
}
