// What pages read of a package's facts (`osc.package/v1`): a document that may grow, so nothing in it is taken for sure.
import type { JsonObject } from '~/util/changes';

export type Facts = {
  app_version?: string | null;
  kube_version?: string | null;
  license?: string | null;
  home?: string | null;
  maintainers?: { name: string; email?: string | null }[];
  images?: string[];
  dependencies?: { name: string; version: string }[];
  crds?: string[];
  permissions?: JsonObject[];
};

export const factsOf = (facts: unknown): Facts =>
  typeof facts === 'object' && facts !== null ? (facts as Facts) : {};
