// The audit log.
import type { Back } from '../back.ts';
import { part, type Schemas } from '../router.ts';

export function audited({ state, router }: Back) {
  router.on('get', '/api/v1/audit', ({ query }) => {
    const fits = (entry: Schemas['AuditEntry']) =>
      (['operation', 'resource', 'name', 'actor', 'result'] as const).every(
        (field) => !query.get(field) || entry[field] === query.get(field),
      );
    return part(state.audit.filter(fits), query);
  });
}
