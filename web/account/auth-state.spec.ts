import type { ApolloClient } from '@apollo/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AuthStore } from './auth-state.js';

const ADA = { id: '1', email: 'ada@example.com', createdAt: '2026-01-01T00:00:00Z' };

describe('the tabs of one browser', () => {
  let channels: { onmessage: () => void }[];
  let signedIn: boolean;
  const query = vi.fn(async () => ({ data: { me: signedIn ? { user: ADA } : null } }));
  const apollo = { query, mutate: async () => (signedIn = false), clearStore: async () => {} };

  beforeEach(() => {
    channels = [];
    signedIn = true;
    vi.stubGlobal('window', { addEventListener: () => {}, history: { replaceState: () => {} } });
    vi.stubGlobal(
      'BroadcastChannel',
      class {
        onmessage = (): void => {};
        constructor() {
          channels.push(this);
        }
        postMessage(): void {
          for (const other of channels) if (other !== this) other.onmessage();
        }
      },
    );
  });
  afterEach(() => void vi.unstubAllGlobals());

  it('ask the server once each after a sign-out in one of them', async () => {
    const tabs = Array.from({ length: 6 }, () => new AuthStore(apollo as unknown as ApolloClient));
    await Promise.all(tabs.map((tab) => tab.ask()));
    query.mockClear();
    await tabs[0]?.signOut();
    await vi.waitFor(() => expect(tabs.map(({ store }) => store.value.phase)).toEqual(tabs.map(() => 'signedOut')));
    expect(query).toHaveBeenCalledTimes(5);
  });
});

describe('a page whose socket says that its session has ended', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('window', { addEventListener: () => {} });
    vi.stubGlobal('BroadcastChannel', class {});
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it.each([-300, 300])('asks the server at most every 5 s when the wall clock is set by %i s', async (stepSeconds) => {
    const query = vi.fn(async () => ({ data: { me: null } }));
    const auth = new AuthStore({ query } as unknown as ApolloClient);
    auth.recheck();
    await vi.advanceTimersByTimeAsync(0);
    expect(query).toHaveBeenCalledTimes(1);
    vi.setSystemTime(Date.now() + stepSeconds * 1_000);
    auth.recheck();
    await vi.advanceTimersByTimeAsync(4_900);
    expect(query).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(query).toHaveBeenCalledTimes(2);
  });
});
