// The mock back end: the API in memory, enough for the console's pages and their tests. One file in `areas/` for each
// part of it.
//
// Failures are provoked by names: an instance `fails` ends in a failed operation, a package whose file is called
// `broken…` is rejected, a plugin file that begins with `trap` is refused, the cluster `prod-eu` does not answer, and the
// sign-in link with the token `old` works no more.
import { audited } from './areas/audit.ts';
import { clusters } from './areas/clusters.ts';
import { instances } from './areas/instances.ts';
import { operations } from './areas/operations.ts';
import { plans } from './areas/plans.ts';
import { plugins } from './areas/plugins.ts';
import { releases } from './areas/releases.ts';
import { services } from './areas/services.ts';
import { session } from './areas/session.ts';
import { subscriptions } from './areas/subscriptions.ts';
import { backEnd } from './back.ts';
import type { State } from './data.ts';
import { Router } from './router.ts';

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

/** `stepTime` is how long each step of an operation takes, in milliseconds. */
export function createMock({ stepTime = 700 } = {}): Mock {
  const router = new Router();
  const back = backEnd(router);
  const sent: Mock['sent'] = [];
  const mock: Mock = {
    state: back.state,
    sent,
    signedOut: false,
    listen: back.listen,
    fetch: async (request) => {
      if (request.method !== 'GET') sent.push(await recordOf(request.clone()));
      return router.answer(request);
    },
  };
  session(back, mock);
  audited(back);
  services(back);
  releases(back);
  subscriptions(back);
  clusters(back);
  operations(back, plans(back), stepTime);
  instances(back);
  plugins(back);
  return mock;
}

async function recordOf(request: Request): Promise<Mock['sent'][number]> {
  const text = await request.text();
  const json = request.headers.get('content-type')?.includes('json');
  const { pathname } = new URL(request.url);
  return { call: `${request.method} ${pathname}`, body: json && text ? JSON.parse(text) : undefined };
}
