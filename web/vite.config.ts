import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { compress } from './compress.plugin.js';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The server for `npm run dev`; Vite then serves the pages themselves. */
const server = process.env['SALLYPORT_SERVER'] ?? 'http://127.0.0.1:3000';

// `npx vite build web` writes dist/web: three pages, and their files under assets/ with a hash in each name.
export default defineConfig({
  root: at('.'),
  plugins: [react(), compress()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 5_000,
    reportCompressedSize: false,
    rolldownOptions: { input: { app: at('index.html'), graphiql: at('graphiql.html'), console: at('console.html') } },
  },
  worker: { format: 'es' },
  // GraphiQL's workers are `?worker` imports, which Vite's pre-bundling for `npm run dev` cannot follow.
  optimizeDeps: { exclude: ['graphiql/setup-workers/vite', '@graphiql/react/setup-workers/vite'] },
  server: { proxy: { '^/graphql$': { target: server, ws: true }, '^/console/api/': { target: server } } },
});
