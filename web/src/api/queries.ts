// What pages read, one function each. The first part of a key is the resource that server-sent events name.
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';

import { api, bodyOf } from './client';
import { formOf } from './form';

const busy = new Set(['queued', 'planning', 'running']);

/** Items of one answer; `MoreButton` asks for the next. */
const PAGE = 50;

type Part<T> = { items: T[]; next_cursor?: string | null };
type Asked = { limit: number; cursor?: string };

/** A list that the server hands out in parts; pages see the items read so far. */
const list = <T>(queryKey: readonly unknown[], ask: (asked: Asked) => Promise<Part<T>>) =>
  infiniteQueryOptions({
    queryKey,
    queryFn: ({ pageParam }) => ask({ limit: PAGE, ...(pageParam !== null && { cursor: pageParam }) }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor ?? null,
    select: ({ pages }) => pages.flatMap(({ items }) => items),
  });

export const queries = {
  me: () =>
    queryOptions({ queryKey: ['me'], queryFn: () => bodyOf(api.GET('/api/v1/me')), staleTime: 60_000 }),
  services: (filter: { search?: string; kind?: string } = {}) =>
    list(['services', 'list', filter], (asked) =>
      bodyOf(api.GET('/api/v1/services', { params: { query: { ...filter, ...asked } } })),
    ),
  service: (name: string) =>
    queryOptions({
      queryKey: ['services', name],
      queryFn: () => bodyOf(api.GET('/api/v1/services/{name}', { params: { path: { name } } })),
    }),
  versions: (name: string) =>
    queryOptions({
      queryKey: ['services', name, 'versions'],
      queryFn: () => bodyOf(api.GET('/api/v1/services/{name}/versions', { params: { path: { name } } })),
    }),
  version: (name: string, version: string) =>
    queryOptions({
      queryKey: ['services', name, 'versions', version],
      queryFn: () =>
        bodyOf(
          api.GET('/api/v1/services/{name}/versions/{version}', { params: { path: { name, version } } }),
        ),
    }),
  form: (name: string, version: string) =>
    queryOptions({
      queryKey: ['services', name, 'versions', version, 'form'],
      queryFn: () =>
        bodyOf(
          api.GET('/api/v1/services/{name}/versions/{version}/form', { params: { path: { name, version } } }),
        ).then(formOf),
      staleTime: Infinity, // a version never changes
    }),
  readme: (name: string, version: string) =>
    queryOptions({
      queryKey: ['services', name, 'versions', version, 'readme'],
      queryFn: () =>
        bodyOf(
          api.GET('/api/v1/services/{name}/versions/{version}/readme', {
            params: { path: { name, version } },
            parseAs: 'text',
          }),
        ),
      staleTime: Infinity,
    }),
  subscriptions: () =>
    queryOptions({ queryKey: ['subscriptions'], queryFn: () => bodyOf(api.GET('/api/v1/subscriptions')) }),
  clusters: () =>
    queryOptions({ queryKey: ['clusters'], queryFn: () => bodyOf(api.GET('/api/v1/clusters')) }),
  namespaces: (name: string) =>
    queryOptions({
      queryKey: ['clusters', name, 'namespaces'],
      queryFn: () => bodyOf(api.GET('/api/v1/clusters/{name}/namespaces', { params: { path: { name } } })),
      enabled: name !== '',
    }),
  choices: (name: string, namespace: string) =>
    queryOptions({
      queryKey: ['clusters', name, 'choices', namespace],
      queryFn: () =>
        bodyOf(
          api.GET('/api/v1/clusters/{name}/choices', {
            params: { path: { name }, query: namespace ? { namespace } : {} },
          }),
        ),
      enabled: name !== '',
      retry: false, // names to pick from are a help; what is typed works without them
    }),
  instances: (filter: { search?: string; state?: string; cluster?: string; service?: string } = {}) =>
    list(['instances', 'list', filter], (asked) =>
      bodyOf(api.GET('/api/v1/instances', { params: { query: { ...filter, ...asked } } })),
    ),
  instance: (id: string) =>
    queryOptions({
      queryKey: ['instances', id],
      queryFn: () => bodyOf(api.GET('/api/v1/instances/{id}', { params: { path: { id } } })),
    }),
  values: (id: string) =>
    queryOptions({
      queryKey: ['instances', id, 'values'],
      queryFn: () => bodyOf(api.GET('/api/v1/instances/{id}/values', { params: { path: { id } } })),
    }),
  objects: (id: string) =>
    queryOptions({
      queryKey: ['instances', id, 'objects'],
      queryFn: () => bodyOf(api.GET('/api/v1/instances/{id}/objects', { params: { path: { id } } })),
      refetchInterval: 10_000,
    }),
  events: (id: string) =>
    queryOptions({
      queryKey: ['instances', id, 'events'],
      queryFn: () => bodyOf(api.GET('/api/v1/instances/{id}/events', { params: { path: { id } } })),
      refetchInterval: 10_000,
    }),
  logs: (id: string, source: { pod?: string; container?: string }) =>
    queryOptions({
      queryKey: ['logs', id, source], // not below `instances`: its news are not news of the log
      queryFn: () =>
        bodyOf(
          api.GET('/api/v1/instances/{id}/logs', {
            params: { path: { id }, query: { ...source, tail: 500 } },
          }),
        ),
    }),
  history: (id: string) =>
    queryOptions({
      queryKey: ['instances', id, 'history'],
      queryFn: () => bodyOf(api.GET('/api/v1/instances/{id}/history', { params: { path: { id } } })),
    }),
  plan: (id: string) =>
    queryOptions({
      queryKey: ['plans', id],
      queryFn: () => bodyOf(api.GET('/api/v1/plans/{id}', { params: { path: { id } } })),
    }),
  operations: (instance?: string) =>
    list(['operations', 'list', { instance }], (asked) =>
      bodyOf(api.GET('/api/v1/operations', { params: { query: { instance, ...asked } } })),
    ),
  operation: (id: string) =>
    queryOptions({
      queryKey: ['operations', id],
      queryFn: () => bodyOf(api.GET('/api/v1/operations/{id}', { params: { path: { id } } })),
      // Events carry the news; the timer covers a lost one.
      refetchInterval: ({ state }) => (state.data && busy.has(state.data.state) ? 2_000 : false),
    }),
  plugins: () => queryOptions({ queryKey: ['plugins'], queryFn: () => bodyOf(api.GET('/api/v1/plugins')) }),
  pluginLogs: (id: string) =>
    queryOptions({
      queryKey: ['plugins', id, 'logs'],
      queryFn: () => bodyOf(api.GET('/api/v1/plugins/{id}/logs', { params: { path: { id } } })),
    }),
  audit: (filter: { operation?: string; actor?: string; result?: string; name?: string } = {}) =>
    list(['audit', filter], (asked) =>
      bodyOf(api.GET('/api/v1/audit', { params: { query: { ...filter, ...asked } } })),
    ),
  reviews: () =>
    list(['reviews'], (asked) => bodyOf(api.GET('/api/v1/reviews', { params: { query: asked } }))),
  about: () =>
    queryOptions({
      queryKey: ['about'],
      queryFn: () => bodyOf(api.GET('/api/v1/about')),
      staleTime: Infinity, // changes only with a restart
    }),
  tokens: () => queryOptions({ queryKey: ['tokens'], queryFn: () => bodyOf(api.GET('/api/v1/tokens')) }),
  users: () => queryOptions({ queryKey: ['users'], queryFn: () => bodyOf(api.GET('/api/v1/users')) }),
  members: (name: string) =>
    queryOptions({
      queryKey: ['tenants', name, 'members'],
      queryFn: () => bodyOf(api.GET('/api/v1/tenants/{name}/members', { params: { path: { name } } })),
      enabled: name !== '',
    }),
};
