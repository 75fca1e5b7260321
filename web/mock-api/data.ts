// What the mock back end holds when it starts.
import type { Schemas } from './router.ts';

/** Times are told from the start, so that a page always shows fresh ones. */
export const before = (minutes: number, now = Date.now()) => new Date(now - minutes * 60_000).toISOString();

const digest = (seed: string) =>
  `sha256:${[...Array(64)].map((_, i) => ((seed.charCodeAt(i % seed.length) * (i + 7)) % 16).toString(16)).join('')}`;

/** Which objects an instance of a service has. */
export const objectsOf = (service: string): [string, string][] => [
  ['v1', 'ConfigMap'],
  ['v1', 'Service'],
  ['apps/v1', service === 'ledger' ? 'StatefulSet' : 'Deployment'],
];

export type Version = Schemas['Version'];

const version = (
  service: string,
  name: string,
  minutes: number,
  facts: Record<string, unknown>,
  findings: Schemas['Finding'][] = [],
): Version => ({
  service,
  version: name,
  created_at: before(minutes),
  digest: digest(service + name),
  size: 18_400 + name.length * 731,
  state: 'ready',
  state_reason: null,
  has_readme: service !== 'courier',
  findings,
  facts,
});

const finding = (part: Partial<Schemas['Finding']>): Schemas['Finding'] => ({
  id: 'f1',
  check: 'OSC-LINT-icon',
  severity: 'info',
  result: 'failed',
  message: '`icon` is recommended',
  path: 'Chart.yaml',
  line: 1,
  object: null,
  remediation: 'add `icon` with an address of a picture',
  blocking: false,
  ...part,
});

export const seed = () => {
  const services: Schemas['Service'][] = [];
  const versions: Version[] = [];
  const add = (
    name: string,
    kind: string,
    description: string,
    categories: string[],
    made: [string, number][],
    part: Partial<Schemas['Service']> = {},
    findings: Schemas['Finding'][] = [],
  ) => {
    services.push({
      name,
      kind,
      description,
      categories,
      keywords: [],
      icon: null,
      provider: 'default',
      state: 'private',
      subscribed: true,
      created_at: before(9000),
      latest_version: made[0]?.[0] ?? null,
      versions: made.length,
      ...part,
    });
    for (const [number, minutes] of made) {
      const facts = {
        app_version: number.split('.').slice(0, 2).join('.'),
        kube_version: '>=1.22.0-0',
        license: 'Apache-2.0',
        maintainers: [{ name: `${name} team` }],
        home: `https://${name}.example.org`,
        images: [`registry.example.org/${name}:${number}`],
      };
      versions.push(version(name, number, minutes, facts, findings));
    }
  };
  add(
    'everything',
    'helm',
    'One of each field, to try generated forms with',
    ['developer tools'],
    [['1.0.0', 5]],
  );
  add(
    'greeter',
    'helm',
    'A small web page that greets, to try things out with',
    ['web'],
    [
      ['0.2.0', 30],
      ['0.1.0', 4000],
    ],
  );
  add(
    'ledger',
    'operator',
    'A database that keeps a ledger, with backups',
    ['database'],
    [['2.1.0', 800]],
    {
      provider: 'acme',
      state: 'published',
      subscribed: false,
    },
    [
      finding({}),
      finding({
        id: 'f2',
        check: 'OSC-SEC-root',
        severity: 'high',
        message: 'container `ledger` may run as root',
        path: 'templates/statefulset.yaml',
        line: 34,
        object: 'StatefulSet/ledger',
        remediation: 'set `runAsNonRoot: true`',
      }),
    ],
  );
  add(
    'courier',
    'osc',
    'Queues that carry messages between services',
    ['streaming and messaging'],
    [['0.9.1', 2000]],
    {
      provider: 'acme',
      state: 'published',
    },
  );

  add(
    'mailer',
    'helm',
    'Sends mail for other services',
    ['integration and delivery'],
    [['1.1.0', 90]],
    { provider: 'acme', subscribed: false },
    [finding({})],
  );
  const waiting = versions.find(({ service }) => service === 'mailer');
  if (waiting) {
    waiting.state = 'submitted';
    waiting.facts = {
      ...waiting.facts,
      permissions: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list'] }],
    };
  }

  const instance = (
    part: Partial<Schemas['Instance']> & { id: string; name: string },
  ): Schemas['Instance'] => ({
    service: 'greeter',
    provider: 'default',
    version: '0.1.0',
    cluster: 'sandbox',
    region: 'local',
    namespace: 'demo',
    state: 'running',
    reason: null,
    revision: 2,
    plugin: 'helm',
    description: '',
    operation: null,
    upgrade_available: '0.2.0',
    created_at: before(3000),
    checked_at: before(1),
    endpoints: [{ name: 'http', type: 'cluster', url: `http://${part.name}-greeter.demo.svc` }],
    ...part,
  });

  return {
    me: {
      name: 'admin',
      platform_role: 'administrator',
      tenant: 'default',
      tenants: [{ name: 'default', role: 'owner' }],
    } satisfies Schemas['Me'],
    about: {
      version: '0.1.0',
      limits: { packages_per_upload: 5, package_bytes: 4 * 1024 * 1024, component_bytes: 64 * 1024 * 1024 },
    } satisfies Schemas['About'],
    services,
    versions,
    subscriptions: ['everything', 'greeter', 'courier'].map((service, index): Schemas['Subscription'] => ({
      id: String(index + 1),
      service,
      provider: service === 'courier' ? 'acme' : 'default',
      state: 'active',
      instances: service === 'greeter' ? 2 : 0,
      latest_version: services.find(({ name }) => name === service)?.latest_version ?? null,
      created_at: before(5000),
    })),
    clusters: [
      {
        id: '1',
        name: 'sandbox',
        kind: 'sandbox',
        region: 'local',
        owner: null,
        state: 'available',
        reason: null,
        version: 'v1.36.3+sandbox',
        created_at: before(9000),
        checked_at: before(1),
      },
      {
        id: '2',
        name: 'prod-eu',
        kind: 'external',
        region: 'eu-west',
        owner: 'default',
        state: 'unreachable',
        reason: 'the connection to `10.0.0.8:6443` was refused',
        version: 'v1.33.1',
        created_at: before(4000),
        checked_at: before(3),
      },
    ] as Schemas['Cluster'][],
    instances: [
      instance({ id: '1', name: 'web', description: 'The page that everybody sees first' }),
      instance({
        id: '2',
        name: 'web-canary',
        version: '0.2.0',
        revision: 1,
        upgrade_available: null,
        state: 'degraded',
        reason: 'Deployment `web-canary-greeter`: 1 of 2 replicas are ready',
      }),
    ],
    plugins: [
      {
        id: 'helm',
        version: '0.1.0',
        description: 'Helm charts as instances',
        digest: digest('helm'),
        roles: ['deployer'],
        source: 'built-in',
        state: 'enabled',
        reason: null,
        ready: true,
        priority: 0,
        faults: 0,
        grants: 'requested',
        requested: { package: true, cluster: ['*'], transform: true },
        settings: {},
      },
      {
        id: 'acme.scanner',
        version: '1.3.0',
        description: 'Looks for images that acme has withdrawn',
        digest: digest('acme'),
        roles: ['scanner'],
        source: 'installed',
        state: 'faulted',
        reason: 'three calls in a row ended in a trap; the last: `unreachable`',
        ready: true,
        priority: 0,
        faults: 3,
        grants: { package: true },
        requested: { package: true, http: ['api.acme.example.org'], cluster: ['v1/ConfigMap', 'apps/*'] },
        settings: {},
      },
    ] as Schemas['Plugin'][],
    audit: [
      ['InstallPlugin', 'plugin', 'acme.scanner', 'ok', 20],
      ['CreateInstance', 'instance', 'web-canary', 'ok', 25],
      ['DeleteServiceVersion', 'service-version', 'greeter@0.1.0', 'refused', 40],
      ['UploadServiceVersion', 'file', 'greeter-0.2.0.tgz', 'ok', 60],
    ].map(([operation, resource, name, result, minutes], index): Schemas['AuditEntry'] => ({
      id: String(9 - index),
      time: before(Number(minutes)),
      actor: 'admin',
      tenant: 'default',
      operation: String(operation),
      resource: String(resource),
      name: String(name),
      result: String(result),
      request_id: `1b2c${index}d4e5f60718`,
    })),
    operations: [
      ['3', 'install', 'web-canary', 25],
      ['2', 'update', 'web', 300],
      ['1', 'install', 'web', 3000],
    ].map(([id, kind, instance, minutes]): Schemas['Operation'] => ({
      id: String(id),
      kind: String(kind),
      instance: String(instance),
      plan: null,
      state: 'succeeded',
      reason: null,
      attempt: 1,
      cancel_requested: false,
      created_at: before(Number(minutes)),
      started_at: before(Number(minutes)),
      finished_at: before(Number(minutes) - 0.07),
      steps: [],
    })),
    tokens: [
      { id: '1', name: 'ci', created_at: before(9000), expires_at: null, last_used_at: before(14) },
    ] as Schemas['Token'][],
    users: [
      {
        name: 'admin',
        platform_role: 'administrator',
        has_password: false,
        disabled: false,
        created_at: before(9000),
      },
    ] as Schemas['User'][],
    members: { default: [{ user: 'admin', role: 'owner' }] } as Record<string, Schemas['Member'][]>,
    overrides: { '1': { replicas: 2 }, '2': { replicas: 2, greeting: 'Hello from the canary' } } as Record<
      string,
      Record<string, unknown>
    >,
    revisions: {
      '1': [
        {
          number: 1,
          version: '0.1.0',
          result: 'superseded',
          created_at: before(3000),
          notes: null,
          operation: '1',
          values: {},
        },
        {
          number: 2,
          version: '0.1.0',
          result: 'deployed',
          created_at: before(300),
          notes: 'Hello from web.',
          operation: '2',
          values: { replicas: 2 },
        },
      ],
      '2': [
        {
          number: 1,
          version: '0.2.0',
          result: 'deployed',
          created_at: before(25),
          notes: null,
          operation: '3',
          values: { replicas: 2 },
        },
      ],
    } as Record<string, Schemas['Revision'][]>,
  };
};

export type State = ReturnType<typeof seed>;
