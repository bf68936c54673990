import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { temporaryFolder } from './kit/temporary-folder.js';
import { TraceReceiver } from './kit/trace-receiver.js';

const SECRET = 'one node of this test has this secret 0123456789';
const WAIT = { timeout: 30_000, interval: 100 };
/** Prints on exit which OpenTelemetry modules the process has loaded. */
const LISTING = `data:text/javascript,${encodeURIComponent(
  `import { createRequire } from 'node:module';
   const { cache } = createRequire('file:///');
   process.on('exit', () => console.log('loaded', [...new Set(Object.keys(cache).flatMap((file) => file.match(/@opentelemetry.[\\w-]+/) ?? []))].sort().join(' ')));`,
)}`;

const folder = temporaryFolder('traces-off');
let receiver: TraceReceiver;
let server: ServerProcess | null = null;

beforeAll(async () => {
  receiver = await TraceReceiver.start();
});
afterEach(async () => {
  await server?.end();
  server = null;
});
afterAll(async () => {
  await receiver.stop();
  folder.remove();
});

const start = async (env: Readonly<Record<string, string>>): Promise<ServerProcess> => {
  server = await startServerProcess({
    DATA_DIR: folder.path,
    SECRET_KEYS: SECRET,
    USER_COUNT_INTERVAL_SECONDS: '3600',
    ...env,
  });
  return server;
};
const ask = ({ url }: ServerProcess, times: number): Promise<unknown> =>
  Promise.all(Array.from({ length: times }, async () => (await fetch(`${url}/openapi.json`)).arrayBuffer()));
const metric = async ({ url }: ServerProcess, outcome: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^sallyport_trace_spans_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm').exec(text)?.[1]);
};

describe('a server', () => {
  it.each([
    ['without an endpoint', () => ({})],
    ['whose SDK is disabled', () => ({ ...receiver.env, OTEL_SDK_DISABLED: 'true' })],
  ])('%s loads nothing of the SDK', async (_, env) => {
    const off = await start({ NODE_OPTIONS: `--import "${LISTING}"`, ...env() });
    await ask(off, 3);
    await off.end();
    expect(off.output()).toMatch(/^loaded (?:@opentelemetry.api)?$/m);
    expect(receiver.headers).toEqual([]);
  });

  it('that samples nothing sends nothing', async () => {
    const quiet = await start({ ...receiver.env, OTEL_TRACES_SAMPLER: 'parentbased_always_off' });
    await ask(quiet, 20);
    expect(await quiet.end()).toBe(0);
    expect(receiver.headers).toEqual([]);
  });

  it('sends what waits when it stops', async () => {
    const last = await start(receiver.env);
    await ask(last, 1);
    expect(await last.end()).toBe(0);
    expect(receiver.named('GET /openapi.json')).toHaveLength(1);
  });

  it.each([
    ['refuses', 503 as const],
    ['never answers', 'never' as const],
  ])('serves, bounds what waits and stops in time when the collector %s', async (_, answer) => {
    receiver.answer = answer;
    const busy = await start({ ...receiver.env, OTEL_EXPORTER_OTLP_TIMEOUT: '1000' });
    for (let round = 0; round < 30; round++) await ask(busy, 100);
    await expect.poll(() => metric(busy, 'failed'), WAIT).toBeGreaterThan(500);
    await expect
      .poll(async () => (await metric(busy, 'failed')) + (await metric(busy, 'dropped')), WAIT)
      .toBeGreaterThan(0);
    expect(busy.output().match(/traces could not be sent/g)).toHaveLength(1);
    const endedAtMs = performance.now();
    expect(await busy.end()).toBe(0);
    expect(performance.now() - endedAtMs).toBeLessThan(20_000);
    receiver.answer = 200;
  });
});
