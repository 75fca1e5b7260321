// Plans: what a wish would change.
import type { Back } from '../back.ts';
import { before, objectsOf } from '../data.ts';
import { missing, Refusal, type Schemas } from '../router.ts';

/** A plan and the wish it came from. */
export type Planned = { plan: Schemas['Plan']; wish: Schemas['PlanCreate'] };

export function plans({ state, router, nextId, byId, reachable }: Back) {
  const made = new Map<string, Planned>();
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
      hash: `hash-${nextId()}`,
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
    made.set(plan.id, { plan, wish: body });
    return plan;
  });
  const planned = (id: string | undefined) => {
    const found = made.get(id ?? '');
    if (!found) throw missing('plan', id ?? '');
    return found;
  };
  router.on('get', '/api/v1/plans/{id}', ({ params }) => planned(params['id']).plan);
  return planned;
}
