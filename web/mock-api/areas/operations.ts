// Plans carried out, step by step.
import type { Back } from '../back.ts';
import { before } from '../data.ts';
import { part, Refusal, type Schemas } from '../router.ts';
import type { Planned } from './plans.ts';

type Running = { operation: Schemas['Operation']; begun: number; settle: () => void; fails: boolean };

export function operations(
  { state, router, changed, nextId, find, byId, serviceOf, audit }: Back,
  planned: (id: string | undefined) => Planned,
  stepTime: number,
) {
  const running = new Map<string, Running>();
  const operations = state.operations;
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
}
