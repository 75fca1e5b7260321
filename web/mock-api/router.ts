// Routes of the mock back end, typed by the same schema as the console's client.
import type { SuccessResponseJSON } from 'openapi-typescript-helpers';

import type { components, paths } from '../src/api/schema';

export type Schemas = components['schemas'];
type Verb = 'get' | 'post' | 'put' | 'patch' | 'delete';
type Address = keyof paths & string;
type Operation<P extends Address, V extends Verb> = V extends keyof paths[P] ? paths[P][V] : never;
type Body<P extends Address, V extends Verb> =
  Operation<P, V> extends { requestBody?: { content: { 'application/json': infer B } } } ? B : undefined;
type Reply<P extends Address, V extends Verb> =
  Operation<P, V> extends Record<string | number, unknown>
    ? SuccessResponseJSON<Operation<P, V>> | Response | undefined
    : never;

export type Call<B> = { params: Record<string, string>; query: URLSearchParams; body: B; request: Request };
type Route = { verb: string; pattern: RegExp; run: (call: Call<never>) => unknown; status: number };

/** A refusal; it becomes a problem document as the server writes it. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly errors: Record<string, unknown>[] = [],
  ) {
    super(message);
  }
}

export const missing = (kind: string, id: string) =>
  new Refusal(404, 'not-found', `${kind} \`${id}\` does not exist`);

/** A part of a list, as `limit` and `cursor` ask for it. */
export function part<T>(items: T[], query: URLSearchParams) {
  const from = Number(query.get('cursor') ?? 0);
  const to = from + Number(query.get('limit') ?? 50);
  return { items: items.slice(from, to), next_cursor: to < items.length ? String(to) : null };
}

export const whole = <T>(items: T[]) => ({ items, next_cursor: null });

export class Router {
  private readonly routes: Route[] = [];
  private requests = 0;

  on<P extends Address, V extends Verb>(
    verb: V,
    address: P,
    run: (call: Call<Body<P, V>>) => Reply<P, V> | Promise<Reply<P, V>>,
    status = 200,
  ) {
    const pattern = new RegExp(`^${address.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
    // The body's type is what the schema says of this address; `answer` passes whatever was sent.
    this.routes.push({ verb: verb.toUpperCase(), pattern, run: run as Route['run'], status });
  }

  async answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const id = `mock-${String(++this.requests).padStart(4, '0')}`;
    try {
      for (const { verb, pattern, run, status } of this.routes) {
        const match = verb === request.method && pattern.exec(pathname);
        if (!match) continue;
        const params = Object.fromEntries(
          Object.entries(match.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]),
        );
        const json = request.headers.get('content-type')?.includes('json');
        const body = json ? ((await request.json()) as never) : (undefined as never);
        const answer = await run({ params, query: searchParams, body, request });
        if (answer instanceof Response) return answer;
        return answer === undefined ? new Response(null, { status: 204 }) : Response.json(answer, { status });
      }
      throw missing('address', pathname);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const problem: Schemas['Problem'] = {
        type: 'about:blank',
        title: error.code,
        status: error.status,
        detail: error.message,
        code: error.code,
        request_id: id,
        errors: error.errors,
      };
      return new Response(JSON.stringify(problem), {
        status: error.status,
        headers: { 'content-type': 'application/problem+json' },
      });
    }
  }
}
