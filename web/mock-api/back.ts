// What every area of the mock back end works with: its state, its routes, and looking things up in it.
import { seed, type State, type Version } from './data.ts';
import { missing, Refusal, type Router, type Schemas } from './router.ts';

export type Back = ReturnType<typeof backEnd>;

export function backEnd(router: Router, state: State = seed()) {
  const listeners = new Set<(resource: string) => void>();
  let number = 100;
  const nextId = () => String(++number);
  /** Tells who listens that a resource has news. */
  const changed = (resource: string) => listeners.forEach((hear) => hear(resource));
  const listen = (listener: (resource: string) => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };

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
  const versionsOf = (said: string): Version[] =>
    state.versions.filter(({ service }) => service === said.split('/').at(-1));
  const versionOf = (params: Record<string, string>) =>
    find(versionsOf(params['name'] ?? ''), 'version', params['version'], ({ version }) => version);
  const clusterOf = (name: string | null | undefined) =>
    find(state.clusters, 'cluster', name, (cluster) => cluster.name);
  const reachable = (name: string | undefined) => {
    const cluster = clusterOf(name);
    if (cluster.state === 'unreachable')
      throw new Refusal(503, 'cluster-unreachable', `cluster \`${cluster.name}\` is not reachable`);
    return cluster;
  };

  const audit = (operation: string, resource: string, name: string, result = 'ok') => {
    const id = nextId();
    const entry: Schemas['AuditEntry'] = {
      id,
      time: new Date().toISOString(),
      actor: state.me.name,
      tenant: state.me.tenant,
      operation,
      resource,
      name,
      result,
      request_id: `mock-${id}`,
    };
    state.audit.unshift(entry);
    changed('audit');
  };
  return {
    state,
    router,
    nextId,
    changed,
    listen,
    find,
    byId,
    serviceOf,
    versionsOf,
    versionOf,
    clusterOf,
    reachable,
    audit,
  };
}
