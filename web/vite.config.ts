import { fileURLToPath } from 'node:url';

import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// `npm run dev` talks to a server at OSC_SERVER, or to the mock back end when that is not set.
const server = process.env.OSC_SERVER;

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: {
      '~': fileURLToPath(new URL('./src', import.meta.url)),
      '@rjsf/validator-ajv8': fileURLToPath(new URL('./src/forms/values/no-ajv.ts', import.meta.url)),
    },
  },
  server: server ? { proxy: { '/api': { target: server, changeOrigin: true } } } : {},
  build: { target: 'es2022', sourcemap: false, assetsInlineLimit: 0, chunkSizeWarningLimit: 1200 },
  test: { environment: 'jsdom', include: ['src/**/*.spec.{ts,tsx}'] },
});
