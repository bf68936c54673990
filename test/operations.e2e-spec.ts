import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type BudgetSubject, DocumentBudget } from '../src/live/gateway/execution/document-budget.js';
import { notify } from './kit/publish.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';

let server: TestServer;
let ada: SignedIn;
beforeAll(async () => {
  server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600' } });
  ada = await server.signedIn('ada');
});
afterAll(() => server.stop());

describe('an operation whose conditions leave no field', () => {
  const conditional = 'subscription ($v: Boolean!) { userCount @skip(if: $v) }';
  it.each<[query: string, variables?: Record<string, unknown>]>([
    ['subscription { userCount @skip(if: true) }'],
    ['subscription { userCount @include(if: false) }'],
    ['subscription { ... @skip(if: true) { userCount } }'],
    ['subscription { ...F @include(if: false) } fragment F on Subscription { userCount }'],
    [conditional, { v: true }],
  ])('is an Error for its id, and the socket stays open: %s', async (query, variables) => {
    const socket = await ada.socket();
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

  it('gets an error that names `if` when its variable is null, for every subscriber', async () => {
    const socket = await ada.socket();
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
    const socket = await ada.socket();
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

describe('variables that are nested 9,000 levels deep', () => {
  const deep = `${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}`;
  const refusal = { extensions: { code: 'BAD_USER_INPUT', field: 'variables' } };

  it('are refused on the socket, which stays open', async () => {
    const socket = await ada.socket();
    socket.send(
      `{"type":"subscribe","id":"1","payload":{"query":"subscription { userCount }","variables":{"v":${deep}}}}`,
    );
    expect((await socket.waitForMessage('error', '1')).payload).toMatchObject([refusal]);
    expect(await socket.settled()).toEqual([]);
    await socket.close();
  });

  it('are refused over HTTP', async () => {
    const body = `{"query":"{ __typename }","variables":{"v":${deep}}}`;
    const response = await ada.browser.fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [refusal] });
  });
});

describe('documents that are new to the node, one after the other', () => {
  it('close the socket of the viewer who sends them with 1008, without affecting others', async () => {
    const [socket, bob] = [await ada.socket(), await server.signedIn('bob')];
    socket.subscribe('known', 'subscription Adas { userCount }');
    expect(await socket.settled()).toEqual([]);
    spend({ viewer: ada.viewerId });
    socket.subscribe('known again', 'subscription Adas { userCount }');
    expect(await socket.settled()).toEqual([]);
    socket.subscribe('new', 'subscription New { userCount }');
    expect(await socket.waitForClose()).toMatchObject({ code: 1008, reason: 'Too many new documents' });
    const other = await bob.socket();
    other.subscribe('1', 'subscription Bobs { userCount }');
    expect(await other.settled()).toEqual([]);
    await other.close();
  });

  it('are answered with 429 over HTTP, while known documents still work', async () => {
    const visitor = server.browser();
    const known = '{ me { token } }';
    await visitor.gql(known);
    spend({ network: '127.0.0.1' });
    const refused = await visitor.gql('query New { me { token } }');
    expect(refused.status).toBe(429);
    expect(refused.errors).toMatchObject([{ extensions: { code: 'TOO_MANY_REQUESTS' } }]);
    expect((await visitor.gql(known)).status).toBe(200);
  });

  it('are charged to the visitor who sends them, also if they cannot be parsed', async () => {
    const charge = vi.spyOn(server.app.get(DocumentBudget), 'charge');
    await server.browser().gql('{');
    expect(charge.mock.calls).toEqual([[{ network: '127.0.0.1' }, expect.any(Number)]]);
    charge.mockRestore();
  });

  function spend(subject: BudgetSubject): void {
    // More than the budget of 250 ms, since some is refilled during the test.
    const budget = server.app.get(DocumentBudget);
    for (let count = 0; count < 35; count++) budget.charge(subject, 10);
  }
});

describe('subscriptions that hold much memory', () => {
  const heavy = { variables: { unused: 'x'.repeat(60_000) } };
  const query = 'subscription Heavy { userCount }';

  it('close the socket of the viewer who keeps them with 1008, without affecting others', async () => {
    const [carl, bob] = [await server.signedIn('carl'), await server.signedIn('bob')];
    const [first, socket] = [await carl.socket(), await carl.socket()];
    for (let index = 0; index < 90; index++) first.subscribe(String(index), query, heavy);
    expect(await first.settled()).toEqual([]);
    for (let index = 0; index < 90; index++) socket.subscribe(String(index), query, heavy);
    expect(await socket.waitForClose()).toMatchObject({ code: 1008, reason: 'Subscriptions hold too much memory' });
    const other = await bob.socket();
    other.subscribe('1', query, heavy);
    expect(await other.settled()).toEqual([]);
    await Promise.all([first.close(), other.close()]);
  });

  it('free it when they end', async () => {
    const socket = await ada.socket();
    for (let index = 0; index < 90; index++) {
      socket.subscribe('1', query, heavy);
      socket.send({ type: 'complete', id: '1' });
    }
    expect(await socket.settled()).toEqual([]);
    await socket.close();
  });
});
