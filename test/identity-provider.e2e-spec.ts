import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiKeys } from '../src/identity/api-keys/api-keys.service.js';
import { freePort } from '../scripts/free-port.mjs';
import { IdentityProvider } from './kit/identity-provider.js';
import { closeCodeFor, openSocket } from '../src/testing/live-socket.js';
import { requireNeed, needs } from './kit/needs.js';
import { startServer, type TestServer } from './kit/server.js';

needs('redis')('SO-8 with a real OpenID provider and two nodes', () => {
  let provider: IdentityProvider;
  let nodes: TestServer[];

  beforeAll(async () => {
    const [port, providerPort] = [await freePort(), await freePort()];
    provider = await IdentityProvider.start(providerPort, `http://127.0.0.1:${port}/oidc/backchannel-logout`);
    const shared = { REDIS_URL: requireNeed('redis'), TRUSTED_ISSUERS: JSON.stringify([provider.config]) };
    const first = await startServer({ env: { ...shared, PORT: String(port) } });
    nodes = [first, await startServer({ env: { ...shared, PUBLIC_URL: first.url } })];
  }, 60_000);
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await provider.stop();
  });

  const openOn = (node: TestServer | undefined, token: string) => openSocket(node?.url ?? '', { token });

  it('an ID token opens sockets, a refresh keeps them, events arrive, and a logout closes them on both nodes', async () => {
    const ann = provider.browser();
    const tokens = await ann.signIn('ann');
    const sockets = await Promise.all(nodes.map((node) => openOn(node, tokens.id_token)));
    const elsewhere = await openOn(nodes[1], (await provider.browser().signIn('ann')).id_token);
    const bob = await openOn(nodes[0], (await provider.browser().signIn('bob')).id_token);

    const refreshed = await ann.refresh(tokens);
    for (const socket of sockets) {
      socket.send({ type: 'ping', payload: { token: refreshed.id_token } });
      expect((await socket.waitForMessage('pong')).payload).toEqual({ expiresAt: expect.any(String) as string });
      socket.subscribe('1', 'subscription { notifications { title } }');
      await socket.settled();
    }
    const key = (await nodes[0]!.app.get(ApiKeys).create('backend')) ?? '';
    const event = {
      topic: 'notifications',
      viewer: 'external:provider:ann',
      payload: { kind: 'hello', title: 'Hello' },
    };
    await fetch(`${nodes[0]!.url}/publish`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ events: [event] }),
    });
    for (const socket of sockets)
      expect(await socket.waitForNext('1')).toMatchObject({ data: { notifications: { title: 'Hello' } } });

    await ann.signOut(refreshed);
    for (const socket of sockets) expect((await socket.waitForClose()).code).toBe(4401);
    for (const node of nodes) {
      expect(await closeCodeFor(node.url, tokens.id_token)).toBe(4401);
      expect(await closeCodeFor(node.url, refreshed.id_token)).toBe(4401);
    }
    // Her session in another browser and other viewers stay connected.
    for (const socket of [elsewhere, bob]) {
      await socket.settled();
      expect(socket.ws.readyState).toBe(socket.ws.OPEN);
      await socket.close();
    }
    const again = await openOn(nodes[0], (await ann.signIn('ann')).id_token);
    await again.close();
  }, 60_000);
});
