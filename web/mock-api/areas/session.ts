// Who is signed in, users, tenants and tokens, and what the server is.
import type { Back } from '../back.ts';
import { before } from '../data.ts';
import { Refusal, whole, type Schemas } from '../router.ts';

export function session({ state, router, nextId, find }: Back, door: { signedOut: boolean }) {
  router.on('post', '/api/v1/session', ({ body }) => {
    if (body.token === 'old') throw new Refusal(401, 'unauthenticated', 'the link was used or is too old');
    door.signedOut = false;
    return state.me;
  });
  router.on('delete', '/api/v1/session', () => undefined);
  router.on('get', '/api/v1/me', () => {
    if (door.signedOut) throw new Refusal(401, 'unauthenticated', 'sign in first');
    return state.me;
  });
  router.on('get', '/api/v1/about', () => state.about);
  router.on('get', '/api/v1/tokens', () => whole(state.tokens));
  router.on(
    'post',
    '/api/v1/tokens',
    ({ body }) => {
      const expires_at = body.days ? before(-body.days * 24 * 60) : null;
      const id = nextId();
      state.tokens.push({ id, name: body.name, created_at: before(0), expires_at, last_used_at: null });
      return { id, name: body.name, token: `osc_mock_${id}`, expires_at };
    },
    201,
  );
  router.on('delete', '/api/v1/tokens/{id}', ({ params }) => {
    state.tokens = state.tokens.filter(({ id }) => id !== params['id']);
    return undefined;
  });
  router.on('get', '/api/v1/users', () => whole(state.users));
  router.on(
    'post',
    '/api/v1/users',
    ({ body }) => {
      if (state.users.some(({ name }) => name === body.name))
        throw new Refusal(409, 'already-exists', `user \`${body.name}\` already exists`);
      const user: Schemas['User'] = {
        name: body.name,
        platform_role: body.platform_role ?? null,
        has_password: Boolean(body.password),
        disabled: false,
        created_at: before(0),
      };
      state.users.push(user);
      return user;
    },
    201,
  );
  router.on('patch', '/api/v1/users/{name}', ({ params, body }) => {
    const user = find(state.users, 'user', params['name'], ({ name }) => name);
    if (typeof body.disabled === 'boolean') user.disabled = body.disabled;
    return user;
  });
  router.on(
    'post',
    '/api/v1/users/{name}/link',
    ({ params }) => ({ token: `osc_link_${params['name']}`, expires_at: before(-10) }),
    201,
  );
  router.on('get', '/api/v1/tenants', () =>
    whole(Object.keys(state.members).map((name) => ({ name, created_at: before(9000) }))),
  );
  router.on(
    'post',
    '/api/v1/tenants',
    ({ body }) => {
      state.members[body.name] = [];
      return { name: body.name, created_at: before(0) };
    },
    201,
  );
  router.on('get', '/api/v1/tenants/{name}/members', ({ params }) =>
    whole(state.members[params['name'] ?? ''] ?? []),
  );
  router.on('put', '/api/v1/tenants/{name}/members/{user}', ({ params, body }) => {
    const members = (state.members[params['name'] ?? ''] ??= []);
    const present = members.find(({ user }) => user === params['user']);
    if (present) present.role = body.role;
    else members.push({ user: params['user'] ?? '', role: body.role });
    return whole(members);
  });
}
