import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createLiveClient, startLive, tokenFromMe, tokenFromUrl } from '../client/index.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { WireClients, QUERY, isoAfter, sendNext } from './kit/wire-clients.js';

let live: WireClients;

beforeEach(async () => {
  live = await WireClients.start();
});

afterEach(() => live.end());

it.each(['/graphql', 'localhost:3000/graphql', 'ftp://localhost/graphql'])('refuses the URL %s at once', (url) => {
  expect(() => createLiveClient({ url, webSocketImpl: WebSocket })).toThrow(TypeError);
});

describe('a token endpoint in trouble', () => {
  type Answer = (response: ServerResponse, request: IncomingMessage) => void;
  const status =
    (code: number, body = '', headers: Record<string, string> = {}) =>
    (response: ServerResponse) =>
      void response.writeHead(code, headers).end(body);
  const me = (token: string | null): Answer =>
    status(200, JSON.stringify({ data: { me: token === null ? null : { token } } }));

  async function endpoint(...answers: Answer[]): Promise<{ url: string; asked: () => number }> {
    let asked = 0;
    const http = createServer((request, response) => (answers[asked++] ?? status(500))(response, request));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    live.atEnd(() => (http.closeAllConnections(), http.close()));
    return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/graphql`, asked: () => asked };
  }

  it.each<[string, Answer]>([
    ['a 500', status(500, 'oops')],
    ['a page of HTML', status(200, '<html>captive portal</html>')],
    ['JSON that says nothing', status(200, '[]')],
    ['GraphQL errors', status(200, '{"data":null,"errors":[{"message":"x"}]}')],
    ['a cut connection', (response) => response.destroy()],
    ['a token that is no text', status(200, '{"data":{"me":{"token":7}}}')],
  ])('retries after %s, and says so', async (_, failure) => {
    const { url, asked } = await endpoint(failure, me('good'));
    const onTokenError = vi.fn();
    live.follow(live.connect({ getToken: tokenFromMe(url), onTokenError }));
    expect((await live.server.admit()).init['token']).toBe('good');
    expect(asked()).toBe(2);
    expect(onTokenError.mock.calls).toEqual([[expect.any(Error)]]);
  });

  it.each<[string, Answer]>([
    ['a 429 with Retry-After', status(429, '{}', { 'retry-after': '1' })],
    [
      'a 503 with a date in Retry-After',
      (response) => status(503, '{}', { 'retry-after': new Date(Date.now() + 2_000).toUTCString() })(response),
    ],
    [
      'retryAfterSeconds in a GraphQL error',
      status(200, '{"data":null,"errors":[{"message":"x","extensions":{"retryAfterSeconds":1}}]}'),
    ],
  ])('waits as long as %s says', async (_, refusal) => {
    const { url } = await endpoint(refusal, me('good'));
    const started = Date.now();
    live.follow(live.connect({ getToken: tokenFromMe(url) }));
    await live.server.admit();
    expect(Date.now() - started).toBeGreaterThanOrEqual(990);
  });

  it.each<[string, Answer]>([
    ['`me` is null', me(null)],
    ['its endpoint answers 401', status(401, '<html>Sign in</html>')],
  ])('is signed out when %s', async (_, answer) => {
    const { url } = await endpoint(answer);
    const { values } = live.follow(live.connect({ getToken: tokenFromMe(url) }));
    await expect(values.next()).rejects.toMatchObject({ code: CloseCode.Unauthorized });
  });

  it('is signed out when a token URL answers 401, and retries a 403', async () => {
    const { url, asked } = await endpoint(status(403, '{}'), status(401, '{}'));
    const { values } = live.follow(live.connect({ getToken: tokenFromUrl(url) }));
    await expect(values.next()).rejects.toMatchObject({ code: CloseCode.Unauthorized });
    expect(asked()).toBe(2);
  });

  it('is asked with the `fetch` of that moment, which monitoring and tests replace', async () => {
    const getToken = tokenFromUrl('http://127.0.0.1:9/token');
    vi.stubGlobal('fetch', async () => Response.json({ token: 'replaced' }));
    live.atEnd(() => vi.unstubAllGlobals());
    expect(await getToken({ signal: new AbortController().signal })).toBe('replaced');
  });

  describe('startLive', () => {
    const json = (token: string): Answer => status(200, JSON.stringify({ token, expiresAt: isoAfter(60_000) }));

    it("starts once, uses the page's token first, then fetches new ones", async () => {
      const { url } = await endpoint(json('fetched'));
      const options = {
        url: live.server.url,
        tokenUrl: url,
        token: 'from the page',
        expiresAt: isoAfter(60_000),
        webSocketImpl: WebSocket,
      };
      const started = startLive(options);
      live.atEnd(() => started.stop());
      expect(startLive(options)).toBe(started);
      const got = new Promise((resolve) => started.subscribe(QUERY, resolve));
      const { connection, init } = await live.server.admit();
      expect(init['token']).toBe('from the page');
      sendNext(connection, (await connection.receive('subscribe')).id, 5);
      expect(await got).toEqual({ n: 5 });
      connection.close(CloseCode.Forbidden);
      expect((await live.server.admit()).init['token']).toBe('fetched');
    });

    it('stays the only one when an earlier one is stopped again', async () => {
      const options = { url: live.server.url, tokenUrl: live.server.url, webSocketImpl: WebSocket };
      const earlier = startLive(options);
      await earlier.stop();
      const started = startLive(options);
      live.atEnd(() => started.stop());
      await earlier.stop();
      expect(startLive(options)).toBe(started);
    });

    it('does not use a token that has expired before the first subscription', async () => {
      const { url } = await endpoint(json('fetched'));
      const started = startLive({
        url: live.server.url,
        tokenUrl: url,
        token: 'stale',
        expiresAt: isoAfter(60_000),
        webSocketImpl: WebSocket,
      });
      live.atEnd(() => started.stop());
      const later = Date.now() + 60_000;
      const clock = vi.spyOn(Date, 'now').mockImplementation(() => later);
      live.atEnd(() => clock.mockRestore());
      started.subscribe(QUERY, () => {});
      expect((await live.server.admit()).init['token']).toBe('fetched');
    });
  });
});
