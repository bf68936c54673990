import type { ApolloClient } from '@apollo/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AuthStore } from './auth-state.js';

const ADA = { id: '1', email: 'ada@example.com', createdAt: '2026-01-01T00:00:00Z' };

let signedIn: boolean;
const answer = async () => ({ data: { me: signedIn ? { user: ADA } : null } });
const query = vi.fn(answer);
const apollo = { query, mutate: async () => (signedIn = false), clearStore: async () => {} };

beforeEach(() => {
  signedIn = true;
  vi.stubGlobal('window', { addEventListener: () => {}, history: { replaceState: () => {} } });
});
afterEach(() => {
  query.mockReset().mockImplementation(answer);
  vi.unstubAllGlobals();
});

describe('the tabs of one browser', () => {
  let channels: { onmessage: () => void }[];

  beforeEach(() => {
    channels = [];
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

describe('a page whose server does not answer', () => {
  let auth: AuthStore;
  const fail = () => query.mockRejectedValue(new TypeError('Failed to fetch'));
  const recover = () => query.mockImplementation(answer);
  const phase = () => auth.store.value.phase;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('BroadcastChannel', undefined);
    auth = new AuthStore(apollo as unknown as ApolloClient);
  });
  afterEach(() => void vi.useRealTimers());

  it('says so if it was never answered, and continues when the server is back', async () => {
    fail();
    await auth.ask();
    await auth.ask();
    expect(phase()).toBe('unreachable');
    recover();
    await vi.runOnlyPendingTimersAsync();
    expect(phase()).toBe('signedIn');
  });

  it('keeps the sign-in form and why the user was signed out, and learns later of a session', async () => {
    signedIn = false;
    await auth.ask();
    auth.signedOut('ended');
    fail();
    auth.askAgain();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(auth.store.value).toEqual({ phase: 'signedOut', signOutReason: 'ended' });
    recover();
    await vi.runOnlyPendingTimersAsync();
    expect(auth.store.value).toEqual({ phase: 'signedOut', signOutReason: 'ended' });
    signedIn = true;
    await auth.ask();
    expect(phase()).toBe('signedIn');
  });

  it('asks after a second again once the user has signed in by the form', async () => {
    signedIn = false;
    await auth.ask();
    fail();
    auth.askAgain();
    await vi.advanceTimersByTimeAsync(60_000);
    auth.signedIn(ADA);
    query.mockClear();
    auth.askAgain();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(query).toHaveBeenCalledOnce();
  });
});
