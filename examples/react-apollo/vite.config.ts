import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const target = process.env.SHOP_URL ?? 'http://127.0.0.1:3000';
const port = Number(process.env.PORT ?? 5173);

/** The shop's own routes. `changeOrigin` stays off: the socket's origin is compared with its host. */
const proxy = {
  '/graphql': { target, ws: true },
  ...Object.fromEntries(['/sign-in', '/sign-out', '/live-token', '/orders'].map((path) => [path, { target }])),
};

export default defineConfig({
  plugins: [react()],
  server: { host: '127.0.0.1', port, strictPort: true, proxy },
  preview: { host: '127.0.0.1', port, strictPort: true, proxy },
});
