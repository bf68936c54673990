import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { developmentKeyFile } from '../src/identity/api-keys/development-key.js';
import { openSocket } from '../src/testing/live-socket.js';
import { newCredentials } from './kit/browser.js';
import { startServer, type TestServer } from './kit/server.js';
import { TraceReceiver } from './kit/trace-receiver.js';

let receiver: TraceReceiver;
let server: TestServer;

beforeAll(async () => {
  receiver = await TraceReceiver.start();
  server = await startServer({
    env: {
      ...receiver.env,
      STORE: 'memory',
      NODE_ENV: 'development',
      USER_COUNT_INTERVAL_SECONDS: '3600',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20of-the-collector',
      OTEL_SERVICE_NAME: 'live',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=a%2Cb',
    },
  });
});
afterAll(async () => {
  await server.stop();
  await receiver.stop();
});

/** Secrets that must not be in any span, each with how it could get there. */
const secrets = new Map<string, string>();
const remember = (what: string, value: string): string => {
  secrets.set(what, value);
  return value;
};

it('spans of sign-in, sockets and publishing contain no secret, payload or viewer', async () => {
  const who = newCredentials();
  const browser = server.browser({ userAgent: remember('the user agent', `agent-${randomBytes(8).toString('hex')}`) });
  const { id } = await browser.register(who);
  await browser.gql(
    'mutation($email: String!, $password: String!) { login(email: $email, password: $password) { id } }',
    {
      email: remember('the e-mail', who.email),
      password: remember('a wrong password', `wrong ${randomBytes(8).toString('hex')}`),
    },
  );
  const token = remember('the token', await browser.token());
  const socket = await openSocket(server.url);
  await socket.init({ token, resumable: true, positions: true });
  await socket.subscribed('1', 'subscription { notifications { title } }');
  const key = remember('the API key', readFileSync(developmentKeyFile(server.env['DATA_DIR'] ?? ''), 'utf8').trim());
  const title = remember('the payload', `title-${randomBytes(8).toString('hex')}`);
  const answer = await browser.fetch(`/publish?q=${remember('the query', randomBytes(8).toString('hex'))}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({
      events: [{ topic: 'notifications', viewer: `user:${id}`, payload: { kind: 'test', title }, key: title }],
    }),
  });
  expect(answer.status).toBe(200);
  expect((await socket.waitForNext('1')).data).toEqual({ notifications: { title } });
  await browser.fetch(`/${remember('a path', randomBytes(8).toString('hex'))}`);
  await browser.gql(`{ ${remember('an unknown field', `field${randomBytes(8).toString('hex')}`)} }`);
  const refused = remember('a refused token', `eyJ${randomBytes(30).toString('base64url')}.e30.AAAA`);
  await openSocket(server.url, { token: refused }).catch(() => null);
  remember('the password', who.password);
  remember('the viewer', id);
  for (const [name, value] of browser.cookies) remember(`the cookie ${name}`, value);

  await receiver.waitFor('deliver notifications');
  await receiver.waitFor('connection_init', 2);
  await receiver.waitFor('mutation login');
  await receiver.waitFor('GET', 1);
  const sent = Buffer.concat(receiver.bodies);
  for (const [what, value] of secrets) expect([what, sent.indexOf(value)]).toEqual([what, -1]);
});

it('the operations are spans inside of their requests, named by kind and field', async () => {
  const [login] = await receiver.waitFor('mutation login');
  const request = receiver.spans.find(({ spanId }) => spanId === login!.parentSpanId);
  expect(request).toMatchObject({ name: 'POST /graphql', kind: 'SERVER' });
  expect(login!.attributes).toMatchObject({
    'graphql.operation.type': 'mutation',
    'sallyport.graphql.fields': ['login'],
    'error.type': 'INVALID_CREDENTIALS',
  });
});

it('a socket is a span from its upgrade to its acknowledgement, or to its refusal', async () => {
  const sockets = await receiver.waitFor('connection_init', 2);
  expect(sockets.map(({ attributes }) => attributes['sallyport.socket.admitted'])).toEqual([true, false]);
  expect(sockets[1]!.attributes['sallyport.socket.close_code']).toBe(4403);
});

it('the collector gets the configured headers, and the attributes of this service', () => {
  expect(receiver.headers[0]).toMatchObject({
    authorization: 'Bearer of-the-collector',
    'content-type': 'application/x-protobuf',
  });
  expect(receiver.spans[0]!.resource).toMatchObject({
    'service.name': 'live',
    'deployment.environment.name': 'a,b',
  });
});

it('the metrics of traces are listed in docs/metrics.md', async () => {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const sent = /^sallyport_trace_spans_total\{outcome="sent"\} (\d+)$/m.exec(text);
  expect(Number(sent?.[1])).toBe(receiver.spans.length);
  expect(readFileSync('docs/metrics.md', 'utf8')).toContain('`sallyport_trace_spans_total`');
});
