import { afterEach, expect, it, vi } from 'vitest';
import { createLiveClient } from './live-client.js';
import { socketUrl } from './platform.js';

afterEach(() => vi.unstubAllGlobals());

it.each([
  ['/graphql', 'wss://app.example/graphql'],
  ['http://live.example/graphql', 'ws://live.example/graphql'],
  ['wss://live.example/graphql', 'wss://live.example/graphql'],
])('%s leads to %s on a page of app.example', (url, expected) => {
  vi.stubGlobal('location', { href: 'https://app.example/orders' });
  expect(socketUrl(url)).toBe(expected);
});

it.each(['localhost:3000/graphql', 'htp://live.example/graphql', '/graphql'])(
  'a client for %s, where no page completes it, is not created',
  (url) => {
    const create = () => createLiveClient({ url, webSocketImpl: class {} });
    expect(create).toThrow(TypeError);
  },
);
