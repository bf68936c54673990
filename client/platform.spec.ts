import { afterEach, expect, it, vi } from 'vitest';
import { createLiveClient } from './live-client.js';
import { socketUrl } from './platform.js';

afterEach(() => vi.unstubAllGlobals());

it.each([
  ['/graphql', 'wss://page.example/graphql'],
  ['//live.example/graphql', 'wss://live.example/graphql'],
  ['https://live.example/graphql?a=1', 'wss://live.example/graphql?a=1'],
  ['HTTP://live.example/graphql', 'ws://live.example/graphql'],
  ['wss://live.example/graphql', 'wss://live.example/graphql'],
  ['WS://live.example/graphql', 'ws://live.example/graphql'],
])('on a page %s is the socket %s', (url, socket) => {
  vi.stubGlobal('location', { href: 'https://page.example/a/b' });
  expect(socketUrl(url)).toBe(socket);
});

it('leaves an absolute URL as it is, to which the URL of React Native appends a slash', () => {
  const ofReactNative = class {
    readonly href: string;
    constructor(url: string) {
      this.href = `${url}/`;
    }
  };
  vi.stubGlobal('URL', ofReactNative);
  expect(socketUrl('https://live.example/graphql')).toBe('wss://live.example/graphql');
});

it.each(['localhost:3000/graphql', 'htp://live.example/graphql', '/graphql'])(
  'a client for %s, where no page completes it, is not created',
  (url) => {
    const create = () => createLiveClient({ url, webSocketImpl: class {} });
    expect(create).toThrow(new TypeError(`Invalid url: ${url}`));
  },
);
