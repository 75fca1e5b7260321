import { fileURLToPath } from 'node:url';

import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

import { mockApi } from './mock-api/vite.ts';

// `npm run dev` talks to a server at OSC_SERVER, or to the mock back end when that is not set.
const server = process.env.OSC_SERVER;

/**
 * Ant Design locks scrolling and measures scroll bars with style tags that do not carry the nonce it is given, which the
 * content security policy rightly refuses. All of them come from one function; here it takes the page's nonce when its
 * caller has none.
 */
const styleNonce: Plugin = {
  name: 'style-nonce',
  transform(code, id) {
    if (!id.includes('@rc-component/util/es/Dom/dynamicCSS.js')) return undefined;
    const changed = code.replace(
      /if \(csp\?\.nonce\) \{\s*styleNode\.nonce = csp\?\.nonce;\s*\}/,
      `styleNode.nonce = csp?.nonce || document.querySelector('meta[name="csp-nonce"]')?.content || '';`,
    );
    if (changed === code) this.error('style tags are made in another way now: look where the nonce goes');
    return { code: changed, map: null };
  },
};

export default defineConfig({
  plugins: [react(), styleNonce, ...(server ? [] : [mockApi()])],
  resolve: {
    alias: {
      '~': fileURLToPath(new URL('./src', import.meta.url)),
      '@rjsf/validator-ajv8': fileURLToPath(new URL('./src/forms/values/no-ajv.ts', import.meta.url)),
    },
  },
  server: server ? { proxy: { '/api': { target: server, changeOrigin: true } } } : {},
  build: { target: 'es2022', sourcemap: false, assetsInlineLimit: 0, chunkSizeWarningLimit: 1200 },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.spec.{ts,tsx}'],
    testTimeout: 60_000,
    server: { deps: { inline: ['@rjsf/core'] } },
  },
});
