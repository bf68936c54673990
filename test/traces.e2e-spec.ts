import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSocket } from '../src/testing/live-socket.js';
import { Browser, newCredentials } from './kit/browser.js';
import { needs } from './kit/needs.js';
import { createDatabase } from './kit/postgres-database.js';
import { RedisServer } from './kit/redis-server.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { SqlPublisher } from './kit/sql-publisher.js';
import { temporaryFolder } from './kit/temporary-folder.js';
import { type ReceivedSpan, TraceReceiver } from './kit/trace-receiver.js';

const NOTIFICATIONS = 'subscription { notifications { title } }';

/** A backend's trace, with its `traceparent` and the given flags. */
function newTrace(flags = '01') {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${flags}` };
}

/** Publishes one notification. */
function publish(url: string, key: string, viewer: string, title: string, headers: Record<string, string> = {}) {
  const events = [{ topic: 'notifications', viewer, payload: { kind: 'test', title } }];
  return fetch(`${url}/publish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
    body: JSON.stringify({ events }),
  });
}

describe.each(['redis', 'postgres'] as const)('two nodes on %s', (store) => {
  needs('postgres', ...(store === 'redis' ? (['redis'] as const) : []))('with a collector', () => {
    const folder = temporaryFolder('traces');
    let receiver: TraceReceiver;
    let nodes: ServerProcess[] = [];
    let databaseUrl = '';
    let remove = async (): Promise<void> => {};

    beforeAll(async () => {
      const [database, redis] = await Promise.all([createDatabase(), store === 'redis' ? RedisServer.start() : null]);
      receiver = await TraceReceiver.start();
      databaseUrl = database.url;
      const env = {
        ...receiver.env,
        DATABASE_URL: database.url,
        DATA_DIR: folder.path,
        SECRET_KEYS: 'two nodes of one test share this secret 0123456789',
        PUBLIC_URL: 'http://127.0.0.1:1',
        USER_COUNT_INTERVAL_SECONDS: '3600',
        ...(redis && { REDIS_URL: redis.url }),
      };
      nodes = await Promise.all([startServerProcess(env), startServerProcess(env)]);
      remove = async () => {
        await redis?.remove();
        await database.drop();
      };
    }, 120_000);
    afterAll(async () => {
      await Promise.all(nodes.map((node) => node.end()));
      await receiver.stop();
      await remove();
      folder.remove();
    });

    /** Opens a subscribed socket of one viewer on each node. */
    async function onBothNodes() {
      const browser = new Browser(nodes[0]!.url, { origin: null });
      const { id } = await browser.register(newCredentials());
      const open = async ({ url }: ServerProcess) => {
        const socket = await openSocket(url);
        await socket.init({ token: await browser.token(), resumable: true, positions: true });
        await socket.subscribed('1', NOTIFICATIONS);
        return socket;
      };
      return { browser, viewer: `user:${id}`, sockets: await Promise.all(nodes.map(open)) };
    }

    it('record an event from its request to the sockets of every node, in the trace of its sender', async () => {
      const { viewer, sockets } = await onBothNodes();
      const { traceId, spanId, traceparent } = newTrace();
      const key = readFileSync(`${folder.path}/development-api-key`, 'utf8').trim();
      expect((await publish(nodes[0]!.url, key, viewer, 'traced', { traceparent })).status).toBe(200);
      for (const socket of sockets)
        expect((await socket.waitForNext('1')).data).toEqual({ notifications: { title: 'traced' } });

      const delivered = await receiver.waitFor('deliver notifications', 2, traceId);
      const one = async (name: string): Promise<ReceivedSpan> => (await receiver.waitFor(name, 1, traceId))[0]!;
      const [request, published] = [await one('POST /publish'), await one('publish notifications')];
      const stored = await one(store === 'redis' ? 'EVALSHA publish' : 'SELECT sallyport.append');
      expect(request).toMatchObject({ kind: 'SERVER', parentSpanId: spanId, hasFailed: false });
      expect(request.attributes).toMatchObject({
        'http.request.method': 'POST',
        'http.route': '/publish',
        'http.response.status_code': 200,
      });
      expect(published).toMatchObject({ kind: 'PRODUCER', parentSpanId: request.spanId, hasFailed: false });
      expect(published.attributes).toEqual({
        'messaging.system': 'sallyport',
        'messaging.operation.name': 'publish',
        'messaging.operation.type': 'send',
        'messaging.destination.name': 'notifications',
        'messaging.batch.message_count': 1,
        'sallyport.publish.refused': 0,
      });
      expect(stored).toMatchObject({ kind: 'CLIENT', parentSpanId: published.spanId });
      expect(stored.attributes).toMatchObject({ 'db.system.name': store === 'redis' ? 'redis' : 'postgresql' });
      for (const span of delivered) {
        expect(span).toMatchObject({
          kind: 'CONSUMER',
          parentSpanId: published.spanId,
          links: [published.spanId],
          attributes: {
            'messaging.system': 'sallyport',
            'messaging.operation.name': 'deliver',
            'messaging.operation.type': 'process',
            'messaging.destination.name': 'notifications',
            'sallyport.delivery.messages': 1,
          },
        });
        expect(span.attributes['sallyport.delivery.bytes']).toBeGreaterThan(50);
      }
      const instances = delivered.map(({ resource }) => resource['service.instance.id']);
      expect(new Set(instances).size).toBe(2);
      expect(delivered[0]!.resource).toMatchObject({ 'service.name': 'sallyport' });
      await Promise.all(sockets.map((socket) => socket.close()));
    });

    it('record nothing of a sender whose trace is not sampled', async () => {
      const { viewer, sockets } = await onBothNodes();
      const [unsampled, last] = [newTrace('00'), newTrace()];
      const key = readFileSync(`${folder.path}/development-api-key`, 'utf8').trim();
      await publish(nodes[0]!.url, key, viewer, 'unsampled', unsampled);
      await publish(nodes[0]!.url, key, viewer, 'sampled', last);
      for (const socket of sockets)
        for (const title of ['unsampled', 'sampled'])
          expect((await socket.waitForNext('1')).data).toEqual({ notifications: { title } });
      await receiver.waitFor('deliver notifications', 2, last.traceId);
      await receiver.waitFor('POST /publish', 1, last.traceId);
      expect(receiver.spans.filter(({ traceId }) => traceId === unsampled.traceId)).toEqual([]);
      await Promise.all(sockets.map((socket) => socket.close()));
    });

    it('record a sign-out from its request to the close of sockets on every node', async () => {
      const { browser, sockets } = await onBothNodes();
      const { traceId, traceparent } = newTrace();
      const answer = await browser.fetch('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', traceparent },
        body: JSON.stringify({ query: 'mutation { logout }' }),
      });
      expect(answer.status).toBe(200);
      for (const socket of sockets) expect((await socket.waitForClose()).code).toBe(4401);
      const closed = await receiver.waitFor('close sockets', 2, traceId);
      const [request] = await receiver.waitFor('POST /graphql', 1, traceId);
      // The node that announced the end hears its own message too, which closes nothing.
      expect(closed.map(({ kind }) => kind).sort()).toEqual(['CONSUMER', 'INTERNAL']);
      expect(new Set(closed.map(({ resource }) => resource['service.instance.id'])).size).toBe(2);
      for (const span of closed)
        expect(span).toMatchObject({
          parentSpanId: request!.spanId,
          attributes: { 'sallyport.revocation.sessions': 1 },
        });
    });

    it('record what a transaction has published by SQL, in the trace that the transaction names', async () => {
      const { viewer, sockets } = await onBothNodes();
      const { traceId, spanId, traceparent } = newTrace();
      const backend = await SqlPublisher.connect(databaseUrl);
      await backend.run('begin');
      await backend.run("select set_config('sallyport.traceparent', $1, true)", [traceparent]);
      await backend.publish({ topic: 'notifications', viewer, payload: { kind: 'test', title: 'by SQL' } });
      await backend.run('commit');
      const arrived = async (title: string) => {
        for (const socket of sockets)
          expect((await socket.waitForNext('1')).data).toEqual({ notifications: { title } });
      };
      await arrived('by SQL');
      // Only now: events that are published together are in one trace.
      await backend.publish({ topic: 'notifications', viewer, payload: { kind: 'test', title: 'of no trace' } });
      await arrived('of no trace');
      const delivered = await receiver.waitFor('deliver notifications', 2, traceId);
      const [published] = await receiver.waitFor('publish notifications', 1, traceId);
      expect(published).toMatchObject({ kind: 'PRODUCER', parentSpanId: spanId, links: [spanId] });
      expect(delivered.map((span) => span.parentSpanId)).toEqual([published!.spanId, published!.spanId]);
      await backend.client.end();
      await Promise.all(sockets.map((socket) => socket.close()));
    });
  });
});
