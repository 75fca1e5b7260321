// Serves the mock back end under `npm run dev` when no server is named.
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Plugin } from 'vite';

import { createMock } from './handlers.ts';

export function mockApi(): Plugin {
  const mock = createMock();
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const address = new URL(incoming.url ?? '/', 'http://mock');
    if (address.pathname === '/api/v1/events') return follow(outgoing);
    if (address.pathname.endsWith('/logs/follow'))
      return followLog(outgoing, incoming.headers['last-event-id']);
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
  /** A line each second. */
  const followLog = (outgoing: ServerResponse, last: string | string[] | undefined) => {
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
    let number = Number(last ?? 0);
    const write = () => {
      const text = `${new Date().toISOString()} GET /${number} 200 ${(number * 7) % 40} ms\n`;
      outgoing.write(`id: ${++number}\ndata: ${JSON.stringify({ text })}\n\n`);
    };
    write();
    const timer = setInterval(write, 1000);
    outgoing.on('close', () => clearInterval(timer));
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
