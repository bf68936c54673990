import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RevokedViewerListener, SessionRevocations } from '../../sessions/session-revocations.js';
import type { SessionWatch } from '../../sessions/session-watch.js';
import type { ViewerId } from '../../viewer/viewer.js';
import type { Connection, ConnectionState } from './connection.js';
import { ConnectionExpiry } from './connection-expiry.js';
import type { ConnectionRegistry } from './connection-registry.js';
import type { RevocationMetrics } from './revocation.metrics.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
/** A check comes at most this long after it is due. */
const TURN = 250;

/** What the expiry sees of an admitted connection: how often it was checked, and how it has closed it. */
class WatchedConnection {
  readonly openedAtMs = performance.now();
  readonly initReceived = true;
  standsOnToken: boolean;
  issuedAtMs = Date.now();
  state: ConnectionState = 'admitted';
  endsAtMs: number;
  checks = 0;
  closedWith: number | null = null;

  constructor(
    readonly session: string | null,
    lastsMs: number,
  ) {
    this.standsOnToken = session === null;
    this.endsAtMs = performance.now() + lastsMs;
  }

  get closed(): boolean {
    this.checks++;
    return this.state === 'closed';
  }

  extendTo(endsAt: Date): void {
    this.endsAtMs = performance.now() + endsAt.getTime() - Date.now();
  }

  close(code: number): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.closedWith = code;
  }

  resetActivity(): boolean {
    return true;
  }

  ping(): void {}
}

let expiry: ConnectionExpiry;
const sessionEnd = vi.fn<() => Promise<Date | null>>();

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'performance', 'Date'] });
  const open: Connection[] = [];
  const registry = {
    add: (connection: Connection) => open.push(connection),
    remove: () => {},
    rememberRevoked: () => {},
    ofViewer: () => open,
  };
  const revocations = {
    listen: () => () => {},
    listenForViewers: (listener: RevokedViewerListener) => {
      tellRevoked = listener;
      return () => {};
    },
  };
  expiry = new ConnectionExpiry(
    registry as unknown as ConnectionRegistry,
    revocations as unknown as SessionRevocations,
    { endOf: sessionEnd, begin: () => {} } as unknown as SessionWatch,
    { closed: () => {} } as unknown as RevocationMetrics,
  );
  expiry.onApplicationBootstrap();
});
afterEach(() => {
  expiry.onApplicationShutdown();
  sessionEnd.mockReset();
  vi.useRealTimers();
});

let tellRevoked: RevokedViewerListener;

/** @param session null for one that depends on its token */
function admitted(session: string | null, lastsMs: number): WatchedConnection {
  const connection = new WatchedConnection(session, lastsMs);
  expiry.begin(connection as unknown as Connection);
  return connection;
}

/** Closes the connection, as its peer would. */
function leave(connection: WatchedConnection): void {
  connection.state = 'closed';
  connection.checks = 0;
  expiry.end(connection as unknown as Connection);
}

describe('a connection that has closed', () => {
  it.each([
    ['a session that ends in days', 'a', MINUTE],
    ['a token that ends in days', null, 5 * SECOND],
  ])('is kept no longer than until the next check: with %s', async (_, session, withinMs) => {
    const connection = admitted(session, 7 * DAY);
    await vi.advanceTimersByTimeAsync(10 * SECOND);
    leave(connection);
    await vi.advanceTimersByTimeAsync(withinMs + TURN);
    expect(connection.checks).toBe(1);
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    expect(connection.checks).toBe(1);
  });

  it('is kept no longer after its session was found to be extended by days', async () => {
    sessionEnd.mockImplementation(() => Promise.resolve(new Date(Date.now() + 7 * DAY)));
    const connection = admitted('a', 20 * SECOND);
    await vi.advanceTimersByTimeAsync(30 * SECOND);
    expect([sessionEnd.mock.calls.length, connection.closedWith]).toEqual([1, null]);
    leave(connection);
    await vi.advanceTimersByTimeAsync(MINUTE + TURN);
    expect(connection.checks).toBe(1);
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    expect(connection.checks).toBe(1);
  });
});

describe('an open connection', () => {
  it('is closed with 4403 soon after the end of its token, although a refresh has brought that end forward', async () => {
    const connection = admitted(null, 60 * MINUTE);
    await vi.advanceTimersByTimeAsync(10 * SECOND);
    connection.endsAtMs = performance.now() + 10 * SECOND;
    // The grace of 5 seconds, and at most 5 more to the next check.
    await vi.advanceTimersByTimeAsync(15 * SECOND - 1);
    expect(connection.closedWith).toBeNull();
    await vi.advanceTimersByTimeAsync(5 * SECOND + TURN + 1);
    expect(connection.closedWith).toBe(4403);
  });

  it('is closed with 4403 soon after the end of its token, although it was opened for an external session', async () => {
    const connection = admitted('external:acme:s1', 60 * MINUTE);
    await vi.advanceTimersByTimeAsync(10 * SECOND);
    // A provider's JWT of the same session has refreshed it.
    connection.standsOnToken = true;
    connection.endsAtMs = performance.now() + 10 * SECOND;
    await vi.advanceTimersByTimeAsync(15 * SECOND - 1);
    expect(connection.closedWith).toBeNull();
    await vi.advanceTimersByTimeAsync(5 * SECOND + TURN + 1);
    expect(connection.closedWith).toBe(4403);
  });

  it('is closed with 4403 soon after the end of its token, although its session was being checked when it came', async () => {
    let answer: (endsAt: Date) => void = () => {};
    sessionEnd.mockReturnValue(new Promise((resolve) => (answer = resolve)));
    const connection = admitted('external:acme:s1', 20 * SECOND);
    await vi.advanceTimersByTimeAsync(20 * SECOND + TURN);
    expect(sessionEnd).toHaveBeenCalledTimes(1);
    connection.standsOnToken = true;
    connection.endsAtMs = performance.now() + 10 * SECOND;
    answer(new Date(Date.now() + 60 * MINUTE));
    await vi.advanceTimersByTimeAsync(20 * SECOND + TURN);
    expect(connection.closedWith).toBe(4403);
  });

  it('is closed with 4403 once the grace after its token is over, and not before', async () => {
    const connection = admitted(null, MINUTE);
    await vi.advanceTimersByTimeAsync(MINUTE + 5 * SECOND - 1);
    expect(connection.closedWith).toBeNull();
    await vi.advanceTimersByTimeAsync(TURN + 1);
    expect(connection.closedWith).toBe(4403);
  });

  it('does not ask for the end of its session before that is due, and is closed with 4401 if it has ended', async () => {
    sessionEnd.mockResolvedValue(null);
    const connection = admitted('a', 10 * MINUTE);
    await vi.advanceTimersByTimeAsync(10 * MINUTE - 1);
    expect(sessionEnd).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(TURN + 1);
    expect([sessionEnd.mock.calls.length, connection.closedWith]).toEqual([1, 4401]);
  });
});

describe('a revocation of every token of a viewer so far, announced on another node', () => {
  const viewer = 'external:acme:ann' as ViewerId;

  it('closes what was open then, although the clock that issued its token was ahead', async () => {
    const connection = admitted(null, MINUTE);
    connection.issuedAtMs = Date.now() + 4 * SECOND;
    await vi.advanceTimersByTimeAsync(SECOND);
    const announcement = { node: 'other', announcedAtMs: performance.now() } as const;
    tellRevoked({ viewer, issuedUntilMs: Date.now(), allOpen: true }, announcement);
    expect(connection.closedWith).toBe(4401);
  });

  it('leaves what was opened with a later token before the announcement arrived', async () => {
    const announcement = { node: 'other', announcedAtMs: performance.now() } as const;
    const issuedUntilMs = Date.now();
    await vi.advanceTimersByTimeAsync(SECOND);
    const connection = admitted(null, MINUTE);
    tellRevoked({ viewer, issuedUntilMs, allOpen: true }, announcement);
    expect(connection.closedWith).toBeNull();
  });

  it('leaves tokens that were issued later if it was up to an earlier time', async () => {
    const connection = admitted(null, MINUTE);
    await vi.advanceTimersByTimeAsync(SECOND);
    const announcement = { node: 'other', announcedAtMs: performance.now() } as const;
    tellRevoked({ viewer, issuedUntilMs: connection.issuedAtMs - 1 }, announcement);
    expect(connection.closedWith).toBeNull();
  });
});
