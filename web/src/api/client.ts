// The typed client of `/api/v1`. Every failure becomes an ApiError.
import createClient from 'openapi-fetch';

import { paths } from '~/util/path-builder';

import { errorOf } from './errors';
import type { components, paths as Addresses } from './schema';

export type Schemas = components['schemas'];

export const api = createClient<Addresses>({
  baseUrl: window.location.origin,
  fetch: (request) => fetch(request), // looked up at each call: tests put their back end there
});

api.use({
  async onResponse({ response, schemaPath }) {
    if (response.ok) return undefined;
    const signedOut =
      response.status === 401 && schemaPath !== '/api/v1/session' && schemaPath !== '/api/v1/me';
    const { pathname, search } = window.location;
    if (signedOut && pathname !== '/sign-in') window.location.assign(paths.signIn(pathname + search, true));
    throw await errorOf(response);
  },
});

/** The body of an answer; failures were thrown before. */
export async function bodyOf<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  return data as T; // absent only for answers without a body, whose type says so
}
