import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AuditRecorder } from '../src/identity/audit/audit-recorder.js';
import { AuditStore, type StoredAuditEvent } from '../src/identity/audit/audit.store.js';
import { AuditLog } from '../src/live/logging/audit-log.js';
import { openSocket } from '../src/testing/live-socket.js';
import { proxyTo } from './kit/database-proxy.js';
import { needs } from './kit/needs.js';
import { createDatabase } from './kit/postgres-database.js';
import { startServer, type TestServer } from './kit/server.js';
import { fillWithEmbedded } from './kit/storage.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const QUIET = { USER_COUNT_INTERVAL_SECONDS: '3600' };
const WAIT = { timeout: 20_000, interval: 50 };

describe('the stored audit events', () => {
  let server: TestServer;
  let dataDir: string;

  beforeAll(async () => {
    const folder = temporaryFolder('audit');
    dataDir = folder.path;
    await fillWithEmbedded(dataDir);
    server = await startServer({ env: { DATA_DIR: dataDir, ...QUIET } });
    return async () => {
      await server.stop();
      folder.remove();
    };
  });

  const stored = async (query: { viewer?: string; event?: string } = {}) => {
    await server.app.get(AuditRecorder).flush();
    return server.app.get(AuditStore).newest({ ...query, limit: 1_000 });
  };
  const cli = (...args: string[]) =>
    spawn(process.execPath, [resolve('dist/server/cli/main.js'), ...args], {
      cwd: tmpdir(),
      env: { PATH: process.env['PATH'], DATA_DIR: dataDir },
    });

  it('LK-5 tell who signed in, opened a socket and was refused one, with address and reason', async () => {
    const ada = await server.signedIn();
    await ada.socket();
    const refused = await openSocket(server.url, { token: 'not a token' }).catch(() => null);
    await refused?.close();
    const events = await stored({ viewer: ada.viewerId });
    expect(events.map(({ event }) => event)).toEqual(['registered', 'sign-in', 'socket-opened']);
    expect(events[1]).toMatchObject({ by: 'owner', details: { session: expect.any(String) as string } });
    const [refusal] = await stored({ event: 'socket-refused' });
    expect(refusal).toMatchObject({ viewer: null, by: 'stranger', reason: expect.any(String) as string });
    expect(JSON.stringify(await stored())).not.toContain('not a token');
  });

  it.each([
    ['half of a surrogate pair', 'cut \ud83d', 'cut \ufffd'],
    ['a NUL', 'a\u0000b', 'a\ufffdb'],
  ])('are stored, and later ones too, when a name has %s, which jsonb cannot hold', async (_, name, kept) => {
    const log = server.app.get(AuditLog);
    log.record('api-key-created', { by: 'operator', name });
    log.record('api-key-revoked', { by: 'operator', name: `after ${kept}` });
    expect((await stored({ event: 'api-key-created' })).at(-1)?.details).toEqual({ name: kept });
    expect((await stored({ event: 'api-key-revoked' })).at(-1)?.details).toEqual({ name: `after ${kept}` });
  });

  it('are at most 51 of one name in ten seconds, and all are counted', async () => {
    const log = server.app.get(AuditLog);
    for (let number = 0; number < 200; number += 1) log.record('customer-token-throttled', { viewer: 'customer:x:1' });
    log.flush();
    const events = await stored({ event: 'customer-token-throttled' });
    expect(events).toHaveLength(51);
    expect(events.at(-1)?.details).toEqual({ unlogged: 149 });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('sallyport_audit_events_total{event="customer-token-throttled"} 200');
  });

  it('are removed when they are older than AUDIT_RETENTION_DAYS', async () => {
    const store = server.app.get(AuditStore);
    const record = { event: 'registered', viewer: 'user:old', address: null, reason: null, by: 'owner' } as const;
    const days = (count: number) => new Date(Date.now() - count * 86_400_000);
    await store.add([
      { at: days(91), record },
      { at: days(89), record },
    ]);
    await server.app.get(AuditRecorder).retain();
    expect(await stored({ viewer: 'user:old' })).toHaveLength(1);
  });

  it('are printed by the command line, selected by event and viewer', async () => {
    const { viewerId } = await server.signedIn();
    await stored();
    const child = cli('audit', '--viewer', viewerId, '--event', 'sign-in', '--since', '1h', '--json');
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    await once(child, 'close');
    const printed = JSON.parse(out) as StoredAuditEvent[];
    expect(printed.map(({ event, viewer }) => [event, viewer])).toEqual([['sign-in', viewerId]]);
  });

  it('are printed without what controls a terminal, which strangers may have sent', async () => {
    const origin = '\u009d0;title\u009c\u009b31m';
    server.app.get(AuditLog).record('console-refused', { address: '192.0.2.1', reason: 'other-origin', origin });
    await stored();
    for (const args of [[], ['--json']]) {
      const child = cli('audit', '--event', 'console-refused', '--limit', '1', ...args);
      let out = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
      await once(child, 'close');
      expect(out).toContain(String.raw`\u009d0;title\u009c\u009b31m`);
      expect(out.trimEnd()).not.toMatch(/\p{Cc}/u);
    }
  });

  it('are printed as they come with --follow, each once, until nobody reads them', async () => {
    const child = cli('audit', '--follow', '--event', 'registered');
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    const first = await server.signedIn();
    await vi.waitFor(() => expect(out).toContain(first.viewerId), WAIT);
    const second = await server.signedIn();
    await vi.waitFor(() => expect(out).toContain(second.viewerId), WAIT);
    expect(out.split('\n').filter((text) => text.includes(first.viewerId))).toHaveLength(1);
    // The most that the server runs at once.
    const others = [cli('audit', '--follow'), cli('audit', '--follow'), cli('audit', '--follow')];
    await Promise.all(others.map((other) => once(other.stdout, 'data')));
    const all = [child, ...others];
    const closed = Promise.all(all.map((each) => once(each, 'close')));
    for (const each of all) each.kill('SIGTERM');
    await closed;
    await vi.waitFor(async () => {
      const [code] = (await once(cli('audit', '--limit', '1'), 'close')) as [number];
      expect(code).toBe(0);
    }, WAIT);
  }, 60_000);

  it('are printed with --follow, each once, also when more come than one page of what was printed holds', async () => {
    const store = server.app.get(AuditStore);
    const viewer = 'user:many';
    const add = (count: number) => {
      const record = { event: 'registered', viewer, address: null, reason: null, by: 'owner' } as const;
      return store.add(Array.from({ length: count }, () => ({ at: new Date(), record })));
    };
    await add(1_000);
    const child = cli('audit', '--follow', '--viewer', viewer, '--limit', '1000', '--json');
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    const printed = () =>
      out
        .split('\n')
        .slice(0, -1)
        .map((text) => (JSON.parse(text) as StoredAuditEvent).id);
    await vi.waitFor(() => expect(printed()).toHaveLength(1_000), WAIT);
    await add(1_500);
    await vi.waitFor(() => expect(printed().length).toBeGreaterThanOrEqual(2_500), WAIT);
    await add(1);
    const ids = (await store.oldest({ viewer, limit: 3_000 })).map(({ id }) => id);
    await vi.waitFor(() => expect(printed()).toContain(ids.at(-1)), WAIT);
    expect(printed()).toEqual(ids);
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    await closed;
  });

  it('are printed since a time before there was any', async () => {
    const { viewerId } = await server.signedIn();
    await stored();
    const child = cli('audit', '--viewer', viewerId, '--since', '999999d');
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    await once(child, 'close');
    expect(out).toContain(viewerId);
  });

  it('refuse unknown names and times, by name', async () => {
    for (const args of [
      ['--event', 'nothing'],
      ['--event', 'toString'],
      ['--since', 'yesterday'],
      ['--since', '+012026-01-01T00:00:00Z'],
      ['--limit', '0'],
    ]) {
      const child = cli('audit', ...args);
      let error = '';
      child.stderr.on('data', (chunk: Buffer) => (error += chunk.toString()));
      const [code] = (await once(child, 'close')) as [number];
      expect([code, error]).toEqual([1, expect.stringContaining(args[0]!)]);
    }
  });
});

needs('postgres')('the audit events of a node whose database is unavailable', () => {
  let server: TestServer;
  let clean: () => Promise<void>;
  let proxy: Awaited<ReturnType<typeof proxyTo>>;

  beforeAll(async () => {
    const database = await createDatabase();
    proxy = await proxyTo(database.url);
    server = await startServer({ env: { DATABASE_URL: proxy.url, STORE: 'memory', ...QUIET } });
    clean = async () => {
      await server.stop();
      await proxy.end();
      await database.drop();
    };
  });
  afterAll(() => clean());

  it('wait, and are stored when it is back; of too many the oldest are dropped and counted', async () => {
    const log = server.app.get(AuditLog);
    await proxy.shut();
    for (let count = 1; count <= 10_100; count += 1) log.record('registered', { viewer: `user:${count}`, by: 'owner' });
    await server.app.get(AuditRecorder).flush();
    await proxy.open();
    const store = server.app.get(AuditStore);
    await vi.waitFor(async () => {
      expect(await store.newest({ viewer: 'user:10100', limit: 1 })).toHaveLength(1);
    }, WAIT);
    expect(await store.newest({ viewer: 'user:100', limit: 1 })).toHaveLength(0);
    expect(await store.newest({ viewer: 'user:101', limit: 1 })).toHaveLength(1);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('sallyport_audit_events_dropped_total 100');
  });
});
