import { createHmac, timingSafeEqual } from 'node:crypto';
import { Module } from '@nestjs/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AUTHENTICATION } from '../src/app.module.js';
import { ConnectionAuthenticator, type Verdict } from '../src/live/gateway/connection-authenticator.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { closeFor, openSocket } from '../src/testing/live-socket.js';
import { notify } from './kit/publish.js';
import { startServer, type TestServer } from './kit/server.js';

const KEY = 'the key that a library signs its cards with';
const BROKEN = 'card.broken';
const cardOf = (reader: number): string =>
  `card.${reader}.${createHmac('sha256', KEY).update(`${reader}`).digest('hex')}`;

/** An application's own authenticator: users of a library are identified by a signed card. */
class CardAuthenticator extends ConnectionAuthenticator {
  override recognises(token: string): boolean {
    return token.startsWith('card.');
  }

  override async authenticate(token: string): Promise<Verdict> {
    if (token === BROKEN) throw new TypeError('a mistake in this authenticator');
    const reader = /^card\.([1-9]\d{0,8})\.[0-9a-f]{64}$/.exec(token)?.[1];
    if (reader === undefined) return { ok: false, reason: 'malformed' };
    if (!timingSafeEqual(Buffer.from(token), Buffer.from(cardOf(Number(reader)))))
      return { ok: false, reason: 'invalid' };
    const expiresAt = new Date(Date.now() + 60_000);
    const viewer = { id: `customer:library:${reader}` } as const;
    return { ok: true, grant: { viewer, standsOn: 'token', expiresAt, maySpeakFrom: () => true } };
  }
}

@Module({ providers: [CardAuthenticator], exports: [CardAuthenticator] })
class CardModule {}

const authentication = {
  ...AUTHENTICATION,
  imports: [...AUTHENTICATION.imports, CardModule],
  authenticators: [...AUTHENTICATION.authenticators, CardAuthenticator],
};

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600' }, authentication });
});
afterAll(() => server.stop());

it("a custom authenticator is one module: its token opens a socket that gets only its viewer's events", async () => {
  const socket = await openSocket(server.url, { token: cardOf(7) });
  socket.subscribe('mine', 'subscription { notifications { title } }');
  await socket.settled();
  await notify(server, 'customer:library:8', 'not for 7');
  await notify(server, 'customer:library:7', 'due on Friday');
  expect(await socket.waitForNext('mine')).toMatchObject({ data: { notifications: { title: 'due on Friday' } } });
  await socket.close();
});

it('a token that the custom authenticator refuses opens no socket', async () => {
  const socket = await openSocket(server.url);
  socket.send({ type: 'connection_init', payload: { token: cardOf(7).replace('card.7', 'card.8') } });
  expect((await socket.waitForClose()).code).toBe(CloseCode.Forbidden);
});

it('an exception of the custom authenticator is an internal error, at the start and at a refresh', async () => {
  expect(await closeFor(server.url, BROKEN)).toEqual({ code: CloseCode.InternalError, reason: 'Internal error' });
  const socket = await openSocket(server.url, { token: cardOf(7) });
  socket.send({ type: 'ping', payload: { token: BROKEN } });
  expect((await socket.waitForClose()).code).toBe(CloseCode.InternalError);
});

it('the other authenticators still work', async () => {
  const ada = await server.signedIn();
  const socket = await ada.socket();
  await socket.close();
});
