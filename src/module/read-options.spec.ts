import { expect, it } from 'vitest';
import type { SallyportOptions } from './options.js';
import { readOptions } from './read-options.js';

const REQUIRED: SallyportOptions = {
  secretKeys: ['q7Zr2LmX0vKc9TfWbN4yHs8DgUe1PaJo5iQwRtYk'],
  sessions: { read: () => null, status: () => new Map() },
};

it('an option that is undefined has its default', () => {
  const limits = ['maxConnections', 'maxConnectionsPerAddress', 'maxConnectionsPerViewer', 'maxHistoryMebibytes'];
  const given = {
    ...REQUIRED,
    limits: Object.fromEntries([...limits, 'throttleExempt'].map((name) => [name, undefined])),
    token: { ttlSeconds: undefined, singleUse: undefined, issuer: undefined },
    ...Object.fromEntries(['store', 'path', 'allowedOrigins', 'introspection'].map((name) => [name, undefined])),
  };
  const { limits: read, token, store, gateway } = readOptions(given as object as SallyportOptions);
  const { limits: defaults, ...others } = readOptions(REQUIRED);
  expect({ read, token, store, gateway }).toEqual({
    read: defaults,
    token: others.token,
    store: others.store,
    gateway: others.gateway,
  });
});

it('an undefined option that another kind of store has is no fault', () => {
  const store = { kind: 'memory', url: undefined, listenUrl: undefined } as const;
  expect(readOptions({ ...REQUIRED, store }).store.kind).toBe('memory');
});
