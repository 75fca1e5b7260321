// Forms of the mock's packages. `everything` has each kind of field that a package may ask for.
import type { Schemas } from './router.ts';

type Form = Schemas['Form'];

const form = (json_schema: object, defaults: object, secrets: string[] = []): Form => ({
  schema: 'osc.form/v1',
  source: 'schema',
  json_schema: { type: 'object', ...json_schema },
  defaults: defaults as Form['defaults'],
  secrets,
});

export const everything = form(
  {
    required: ['title', 'replicas'],
    properties: {
      title: { type: 'string', title: 'Title', minLength: 1, description: 'Shown on the front page.' },
      replicas: { type: 'integer', title: 'Replicas', minimum: 1, maximum: 9, default: 1 },
      debug: { type: 'boolean', title: 'Debug', default: false },
      level: { type: 'string', title: 'Log level', enum: ['info', 'debug', 'error'], default: 'info' },
      port: { title: 'Port', type: ['integer', 'string'], default: 80 },
      surge: { title: 'Surge', 'x-kubernetes-int-or-string': true, default: '25%' },
      memory: { type: 'string', title: 'Memory', default: '128Mi', 'x-osc': { widget: 'quantity' } },
      password: { type: 'string', title: 'Password', 'x-osc': { widget: 'password' } },
      storageClass: { type: 'string', title: 'Storage class', 'x-osc': { widget: 'storage-class' } },
      tlsSecret: { type: 'string', title: 'TLS secret', 'x-osc': { widget: 'secret' } },
      extra: { title: 'Extra' },
      extraArgs: { type: 'string', title: 'Extra arguments', 'x-osc': { advanced: true } },
      tolerations: {
        title: 'Tolerations',
        type: 'array',
        items: { type: 'object' },
        default: [],
        'x-osc': { widget: 'yaml' },
      },
      image: {
        type: 'object',
        title: 'Image',
        properties: {
          repository: { type: 'string', title: 'Repository', default: 'registry.example.org/everything' },
          tag: { type: 'string', title: 'Tag', default: '' },
        },
      },
      hosts: { type: 'array', title: 'Hosts', items: { type: 'string' }, default: ['a.example.org'] },
      labels: { type: 'object', title: 'Labels', additionalProperties: { type: 'string' }, default: {} },
      storage: {
        title: 'Storage',
        oneOf: [
          {
            title: 'None',
            type: 'object',
            required: ['kind'],
            properties: { kind: { const: 'none', title: 'Kind', default: 'none' } },
          },
          {
            title: 'Volume',
            type: 'object',
            required: ['kind', 'size'],
            properties: {
              kind: { const: 'volume', title: 'Kind', default: 'volume' },
              size: { type: 'string', title: 'Size', default: '8Gi' },
            },
          },
        ],
      },
    },
  },
  {
    title: 'Everything',
    replicas: 1,
    debug: false,
    level: 'info',
    port: 80,
    surge: '25%',
    memory: '128Mi',
    password: '',
    extraArgs: '',
    image: { repository: 'registry.example.org/everything', tag: '' },
    tolerations: [{ key: 'a', operator: 'Exists' }],
    hosts: ['a.example.org'],
    labels: {},
    storage: { kind: 'none' },
  },
  ['/password'],
);

export const plain = form(
  {
    properties: {
      replicas: {
        type: 'integer',
        title: 'Copies',
        minimum: 1,
        description: 'How many copies run.',
        default: 1,
      },
      greeting: { type: 'string', title: 'Greeting', default: 'Hello' },
      service: {
        type: 'object',
        title: 'Service',
        properties: {
          type: { type: 'string', title: 'Type', enum: ['ClusterIP', 'NodePort', 'LoadBalancer'] },
          port: { type: 'integer', title: 'Port', default: 80 },
        },
      },
    },
  },
  { replicas: 1, greeting: 'Hello', service: { type: 'ClusterIP', port: 80 } },
);
