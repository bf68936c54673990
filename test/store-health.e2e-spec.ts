import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { UnavailableError } from '../src/live/errors/sallyport.errors.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { StoreMetrics } from '../src/live/store/store-health.js';
import { closeCodeFor, openSocket } from '../src/testing/live-socket.js';
import { newTopic } from './contract/topic-bus/bus-under-test.js';
import { needs } from './kit/needs.js';
import { publishOver } from './kit/publish-over.js';
import { redisNode } from './kit/redis-node.js';
import { RedisServer } from './kit/redis-server.js';
import { startServer, type TestServer } from './kit/server.js';

needs('redis')('a user of Redis', () => {
  it('needs the rights of docs/scaling.md, and a start names what is missing', async () => {
    const page = await readFile(new URL('../docs/scaling.md', import.meta.url), 'utf8');
    const rights = /`(~sallyport:\* [^`]*)`/.exec(page)![1]!.split(' ');
    const redis = await RedisServer.start();
    const admin = redis.client();
    await admin.call('ACL', 'SETUSER', 'sallyport', 'on', '>unguessable', ...rights, '+config|get');
    const REDIS_URL = redis.url.replace('//', '//sallyport:unguessable@');
    const server = await startServer({ env: { REDIS_URL } });
    const { browser, viewerId } = await server.signedIn();
    const socket = await openSocket(server.url);
    await socket.init({ token: await browser.token(), resumable: true, positions: true });
    await socket.subscribed('1', 'subscription { notifications { title } }');
    expect((await publishOver(server, viewerId)).status).toBe(200);
    expect((await socket.waitForNext('1')).data).toEqual({ notifications: { title: 'Hello' } });
    await socket.close();
    expect(await (await fetch(`${server.url}/readyz`)).json()).toMatchObject({ checks: { redis: 'ok' } });
    await server.stop();
    expect(await admin.call('ACL', 'LOG')).toEqual([]);
    // As Redis 7 makes a user who is given no channels.
    await admin.call('ACL', 'SETUSER', 'sallyport', 'resetchannels');
    await expect(startServer({ env: { REDIS_URL } })).rejects.toThrow(/^Redis at .* cannot be used \(NOPERM\)/);
    admin.disconnect();
    await redis.remove();
  });
});

needs('redis')('a Redis without the database of REDIS_URL', () => {
  it('ends the start, and its database 0 stays as it is', async () => {
    const redis = await RedisServer.start('--databases', '1');
    const starting = startServer({ env: { REDIS_URL: `${redis.url}/1` } });
    await expect(starting).rejects.toThrow(/^Redis at .* cannot be used \(NODATABASE\)/);
    const admin = redis.client();
    expect(await admin.dbsize()).toBe(0);
    admin.disconnect();
    await redis.remove();
  });
});

needs('redis')('a Redis that fails, as operators see it', () => {
  let redis: RedisServer;
  let server: TestServer;
  let viewer: string;

  beforeAll(async () => {
    redis = await RedisServer.start();
    server = await startServer({ env: { REDIS_URL: redis.url } });
    viewer = (await server.signedIn()).viewerId;
  });
  afterAll(async () => {
    await server.stop();
    await redis.remove();
  });

  const readiness = async () => {
    const answer = await fetch(`${server.url}/readyz`);
    const { checks } = (await answer.json()) as { checks: Record<string, string> };
    return { status: answer.status, isRedisWell: checks['redis'] === 'ok' };
  };
  const metric = async (line: string) => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const found = text.split('\n').find((one) => one.startsWith(`${line} `));
    return found === undefined ? undefined : Number(found.slice(line.length + 1));
  };
  const untilReady = () =>
    vi.waitFor(async () => expect(await readiness()).toEqual({ status: 200, isRedisWell: true }), { timeout: 8_000 });
  const untilRefused = () =>
    vi.waitFor(async () => expect(await readiness()).toEqual({ status: 503, isRedisWell: false }), { timeout: 8_000 });
  const command = async (name: string, ...values: string[]) => {
    const admin = redis.client();
    await admin.call(name, ...values);
    admin.disconnect();
  };

  it('is not ready while Redis is full, and counts what was not published by reason', async () => {
    await untilReady();
    expect(await metric('sallyport_store_up{store="redis"}')).toBe(1);
    await command('CONFIG', 'SET', 'maxmemory', '1');
    expect((await publishOver(server, viewer)).status).toBe(503);
    await untilRefused();
    expect(await metric('sallyport_store_up{store="redis"}')).toBe(0);
    expect(await metric('sallyport_store_failures_total{store="redis",reason="OOM"}')).toBeGreaterThan(0);
    await command('CONFIG', 'SET', 'maxmemory', '0');
    await untilReady();
    expect(await metric('sallyport_store_up{store="redis"}')).toBe(1);
  });

  it('admits no new socket while Redis is full, which could not subscribe', async () => {
    const { browser } = await server.signedIn();
    const token = await browser.token();
    await command('CONFIG', 'SET', 'maxmemory', '1');
    await untilRefused();
    expect(await closeCodeFor(server.url, token)).toBe(CloseCode.TryAgainLater);
    await command('CONFIG', 'SET', 'maxmemory', '0');
    await untilReady();
    expect(await closeCodeFor(server.url, token)).toBe(CloseCode.Normal);
  });

  it('detects without a publisher that Redis has become read-only', async () => {
    await command('REPLICAOF', '127.0.0.1', '1');
    await untilRefused();
    await command('REPLICAOF', 'NO', 'ONE');
    await untilReady();
    expect((await publishOver(server, viewer)).status).toBe(200);
  });

  it('is logged once while it is read-only, although the connection is replaced meanwhile', async () => {
    const lines: string[] = [];
    const write = (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg);
    const { connection, bus, close } = await redisNode(redis.url, pino({ base: null }, { write }));
    const replaced = once(connection.client, 'ready');
    await command('REPLICAOF', '127.0.0.1', '1');
    await replaced;
    await expect(bus.publish([{ topic: newTopic(), payload: 1 }])).rejects.toBeInstanceOf(UnavailableError);
    await command('REPLICAOF', 'NO', 'ONE');
    await vi.waitFor(() => expect(connection.health.state).toBe('ok'), { timeout: 8_000 });
    close();
    await untilReady();
    expect(lines).toEqual(['Redis refuses writes: trying until it takes them', 'Redis takes writes again']);
  });

  it('is not ready, and says why, while Redis answers the heartbeat with an error', async () => {
    const lines: unknown[] = [];
    const write = (line: string) => {
      const { msg, reason } = JSON.parse(line) as { msg: string; reason?: string };
      lines.push([msg, reason]);
    };
    const { connection, close } = await redisNode(redis.url, pino({ base: null }, { write }));
    await command('ACL', 'SETUSER', 'default', '-@scripting');
    await untilRefused();
    await vi.waitFor(() => expect(connection.health.state).toBe('unavailable'), { timeout: 8_000 });
    await command('ACL', 'SETUSER', 'default', '+@scripting');
    await untilReady();
    await vi.waitFor(() => expect(connection.health.state).toBe('ok'), { timeout: 8_000 });
    close();
    expect(lines).toEqual([
      ['Redis is unavailable: retrying until it is back', 'NOPERM'],
      ['Redis is back', undefined],
    ]);
  });

  it('says that a connection was lost where Redis gave no reason', async () => {
    const lines: unknown[] = [];
    const write = (line: string) => void lines.push((JSON.parse(line) as { reason?: string }).reason);
    const { connection, close } = await redisNode(redis.url, pino({ base: null }, { write }));
    await command('CLIENT', 'KILL', 'TYPE', 'normal');
    await vi.waitFor(() => expect(lines).toEqual(['connection lost', undefined]), { timeout: 8_000 });
    expect(connection.health.state).toBe('ok');
    close();
    await untilReady();
  });

  it('says once why Redis refuses a connection that was lost', async () => {
    const lines: unknown[] = [];
    const write = (line: string) => void lines.push((JSON.parse(line) as { reason?: string }).reason);
    await command('ACL', 'SETUSER', 'node', 'on', '>old', '~*', '&*', '+@all');
    const url = redis.url.replace('//', '//node:old@');
    const { connection, close } = await redisNode(url, pino({ base: null }, { write }));
    const attempts = vi.fn();
    connection.client.on('error', attempts);
    await command('ACL', 'SETUSER', 'node', '<old');
    await command('CLIENT', 'KILL', 'USER', 'node');
    await vi.waitFor(() => expect(attempts.mock.calls.length).toBeGreaterThan(2), { timeout: 8_000 });
    expect(lines).toEqual(['connection lost', 'WRONGPASS']);
    await command('ACL', 'SETUSER', 'node', '>old');
    await vi.waitFor(() => expect(lines).toEqual(['connection lost', 'WRONGPASS', undefined]), { timeout: 8_000 });
    close();
  });

  it('shows an outage in the metrics, and its end', async () => {
    await redis.stop();
    await untilRefused();
    expect(await metric('sallyport_store_up{store="redis"}')).toBe(0);
    expect((await publishOver(server, viewer)).status).toBe(503);
    await redis.start();
    await untilReady();
    expect(await metric('sallyport_store_up{store="redis"}')).toBe(1);
  });

  it('counts at most fifty reasons per store', async () => {
    const health = server.app.get(StoreMetrics).watch('imagined', 'Imagined', 'nowhere');
    for (let number = 0; number < 60; number++) health.failed(`reason ${number}`);
    expect(await metric('sallyport_store_failures_total{store="imagined",reason="other"}')).toBe(10);
  });
});
