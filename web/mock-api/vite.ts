// Serves the mock back end under `npm run dev` when no server is named.
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Plugin } from 'vite';

import { createMock } from './handlers.ts';

export function mockApi(): Plugin {
  const mock = createMock();
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const address = new URL(incoming.url ?? '/', 'http://mock');
    if (address.pathname === '/api/v1/events') return follow(outgoing);
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const body = parts.length > 0 ? { body: Buffer.concat(parts) } : {};
    const headers = { 'content-type': incoming.headers['content-type'] ?? 'application/octet-stream' };
    const response = await mock.fetch(
      new Request(address, { method: incoming.method ?? 'GET', headers, ...body }),
    );
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  };
  const follow = (outgoing: ServerResponse) => {
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
    const stop = mock.listen((resource) => outgoing.write(`data: ${JSON.stringify({ resource })}\n\n`));
    outgoing.on('close', stop);
  };
  return {
    name: 'mock-api',
    apply: 'serve',
    configureServer(server) {
      server.middlewares.use((incoming, outgoing, next) => {
        if (!incoming.url?.startsWith('/api/')) return next();
        answer(incoming, outgoing).catch(next);
      });
    },
  };
}
