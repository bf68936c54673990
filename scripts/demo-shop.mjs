// `npm run demo:shop`: runs a server, and a test shop with an app proxy to it. Storage is temporary. PORT and SHOP_PORT
// set the ports.
import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { build as bundle } from 'esbuild';
import { ROOT } from './build-step.mjs';
import { build } from './build.mjs';
import { firstFreePort } from './free-port.mjs';

const READY_WITHIN_MS = 60_000;
const DOMAIN = 'demo.myshopify.com';
const PATH_PREFIX = '/apps/live';

process.chdir(ROOT);
await build();
const { startShop } = await loadShop();
const port = Number(process.env.PORT || (await firstFreePort(3000)));
const shopPort = Number(process.env.SHOP_PORT || (await firstFreePort(4000)));
const secret = randomBytes(24).toString('hex');
// First, so that a port that is taken leaves no server behind.
const shop = await openShop();
const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-demo-shop-'));
const server = startServer();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.kill('SIGTERM'));
server.once('close', (code) => {
  void shop.close();
  rmSync(dataDir, { recursive: true, force: true });
  process.exitCode = code ?? 0;
});
if (await isReady()) {
  console.log(`
The shop is open:  http://demo.localhost:${shopPort}${PATH_PREFIX}

  Log in as any customer number. The page's socket goes straight to http://localhost:${port}, without a cookie.
  The token in the page lives ${process.env.TOKEN_TTL_SECONDS ?? 60} s and is renewed through the shop; watch the socket's frames in the browser's tools.
  End with Ctrl-C.
`);
} else {
  server.kill('SIGTERM');
}

async function openShop() {
  const proxyUrl = `http://127.0.0.1:${port}/app-proxy`;
  try {
    return await startShop({ domain: DOMAIN, secret, proxyUrl, pathPrefix: PATH_PREFIX }, shopPort);
  } catch (error) {
    console.error(
      `demo:shop: port ${shopPort} cannot be used (${error.code ?? error.message}): set another SHOP_PORT.`,
    );
    return process.exit(1);
  }
}

function startServer() {
  const names = ['demo.localhost', 'localhost', '127.0.0.1'].map((host) => `http://${host}:${shopPort}`);
  const env = {
    PATH: process.env.PATH,
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: `http://localhost:${port}`,
    DATA_DIR: dataDir,
    APP_PROXY_SECRET: secret,
    APP_PROXY_SHOPS: `${DOMAIN}=${names.join('|')}`,
    TOKEN_TTL_SECONDS: process.env.TOKEN_TTL_SECONDS ?? '',
    USER_COUNT_INTERVAL_SECONDS: process.env.USER_COUNT_INTERVAL_SECONDS ?? '3',
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
  };
  // Not in the project's folder, whose .env is for another server.
  return spawn(process.execPath, [join(ROOT, 'dist/main.js')], {
    cwd: dataDir,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

async function isReady() {
  const deadlineMs = performance.now() + READY_WITHIN_MS;
  while (server.exitCode === null && server.signalCode === null && performance.now() < deadlineMs) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    if (answer?.ok) return true;
    await delay(100);
  }
  return false;
}

/** The tests' shop, compiled to a module that Node can run. */
async function loadShop() {
  const outfile = join(ROOT, 'dist', 'demo-shop.mjs');
  const options = { bundle: true, format: 'esm', platform: 'node', packages: 'external', logLevel: 'warning' };
  await bundle({ ...options, entryPoints: ['test/kit/shop.ts'], outfile });
  return import(pathToFileURL(outfile).href);
}
