import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LiveSocket, openSocket } from './kit/live-socket.js';
import { notify } from './kit/publish.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';

let server: TestServer;
let ada: SignedIn;
beforeAll(async () => {
  server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600' } });
  ada = await server.signedIn('ada');
});
afterAll(() => server.stop());

async function adasSocket(): Promise<LiveSocket> {
  return openSocket(server.url, { token: await ada.browser.token() });
}

describe('an operation whose conditions leave no field', () => {
  const conditional = 'subscription ($v: Boolean!) { userCount @skip(if: $v) }';
  it.each<[query: string, variables?: Record<string, unknown>]>([
    ['subscription { userCount @skip(if: true) }'],
    ['subscription { userCount @include(if: false) }'],
    ['subscription { ... @skip(if: true) { userCount } }'],
    ['subscription { ...F @include(if: false) } fragment F on Subscription { userCount }'],
    [conditional, { v: true }],
  ])('is an Error for its id, and the socket goes on: %s', async (query, variables) => {
    const socket = await adasSocket();
    socket.subscribe('1', query, { variables });
    const { payload } = await socket.waitForMessage('error', '1');
    expect(payload).toEqual([
      {
        message: 'The operation selects no field: @skip or @include leaves none.',
        extensions: { code: 'BAD_USER_INPUT', field: 'query' },
      },
    ]);
    socket.subscribe('1', conditional, { variables: { v: false } });
    expect(await socket.settled()).toEqual([]);
    expect(await socket.close()).toMatchObject({ code: 1000 });
  });

  it('names `if` where its variable is null, to the first subscriber and to later ones', async () => {
    const socket = await adasSocket();
    const query = 'subscription ($s: Boolean = true) { notifications { id title @include(if: $s) } }';
    for (const id of ['1', '2', '3']) socket.subscribe(id, query, { variables: { s: null } });
    await socket.settled();
    await notify(server, ada.viewerId, 'hello');
    for (const id of ['1', '2', '3']) {
      expect(await socket.waitForNext(id)).toMatchObject({
        data: null,
        errors: [
          {
            message: 'Argument "if" of non-null type "Boolean!" must not be null.',
            extensions: { code: 'BAD_USER_INPUT', field: 'if' },
          },
        ],
      });
    }
    await socket.close();
  });
});

describe('a fragment that is spread twice, once under a condition', () => {
  it.each([
    'notifications { id ...F @skip(if: $s) ...F }',
    'notifications { id ...F ...F @skip(if: $s) }',
    'notifications { ...A ...B }',
  ])('gives its fields to every subscriber: %s', async (selection) => {
    const query = `subscription ($s: Boolean!) { ${selection} }
      fragment F on Notification { title } fragment A on Notification { id ...F @skip(if: $s) }
      fragment B on Notification { ...F }`;
    const used = selection.includes('...A') ? query : query.replace(/fragment A[^]*$/, '');
    const socket = await adasSocket();
    for (const id of ['1', '2', '3']) socket.subscribe(id, used, { variables: { s: true } });
    await socket.settled();
    await notify(server, ada.viewerId, 'hello');
    for (const id of ['1', '2', '3']) {
      const { data } = await socket.waitForNext(id);
      expect(JSON.stringify(data)).toMatch(/^\{"notifications":\{"id":"[^"]+","title":"hello"\}\}$/);
    }
    await socket.close();
  });
});
