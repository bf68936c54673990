import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { isExternalSession } from '../../sessions/external-session.js';
import { type Announcement, type RevokedViewer, SessionRevocations } from '../../sessions/session-revocations.js';
import { SessionWatch } from '../../sessions/session-watch.js';
import { CloseCode } from '../../../protocol/close-code.js';
import type { ViewerId } from '../../viewer/viewer.js';
import type { Connection } from './connection.js';
import { ConnectionRegistry, isRevokedBy } from './connection-registry.js';
import { DeadlineWheel } from './deadline-wheel.js';
import { KeepAlive } from './keep-alive.js';
import { RevocationMetrics } from './revocation.metrics.js';

/** From the opening to `connection_init`, in milliseconds. */
const INIT_WITHIN_MS = 3000;
/** From the opening to the ack, even if something hangs, in milliseconds. */
const ACK_WITHIN_MS = 5000;
/** How long a socket that depends on its token stays open after the token's expiry, in milliseconds. */
const TOKEN_GRACE_MS = 5000;
/** How long a socket stays open after its session's last known end while the store is unavailable, in milliseconds. */
const UNKNOWN_FOR_MS = 30_000;
const ASK_AGAIN_MS = 1000;
/**
 * Each connection is checked at least this often, in milliseconds, even if it ends later: a closed one is freed at its
 * next check.
 */
const CHECK_WITHIN_MS = 60_000;
/**
 * The same for one that depends on its token, or on an external session, since a refresh may bring an earlier end.
 */
const CHECK_TOKEN_WITHIN_MS = 5000;
/** Milliseconds of the drain window for each open connection, and the longest window. */
const DRAIN_MS_PER_CONNECTION = 1;
const MAX_DRAIN_MS = 10_000;
const DRAIN_STEPS = 100;

/** Closes connections that send no `connection_init`, do not answer pings, have expired, or whose session has ended. */
@Injectable()
export class ConnectionExpiry implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #deadlines = new DeadlineWheel<Connection>((connection, nowMs) => this.#check(connection, nowMs));
  readonly #keepAlive = new KeepAlive();
  #stopListening: () => void = () => {};

  constructor(
    private readonly registry: ConnectionRegistry,
    private readonly revocations: SessionRevocations,
    private readonly watch: SessionWatch,
    private readonly metrics: RevocationMetrics,
  ) {}

  onApplicationBootstrap(): void {
    const stops = [
      this.revocations.listen((sessionIds, announcement) => this.#endSessions(sessionIds, announcement)),
      this.revocations.listenForViewers((revoked, announcement) => this.#endViewer(revoked, announcement)),
    ];
    this.#stopListening = () => stops.forEach((stop) => stop());
    this.watch.begin({
      ids: () => this.registry.sessions(),
      viewers: () => this.registry.revocableViewers(),
      unknown: (sessionIds, viewers) => this.#closeUnknown(sessionIds, viewers),
    });
  }

  onApplicationShutdown(): void {
    this.#stopListening();
    this.#deadlines.stop();
    this.#keepAlive.stop();
  }

  /** Adds a connection that has just been opened. */
  begin(connection: Connection): void {
    this.registry.add(connection);
    this.#deadlines.add(connection, connection.openedAtMs + INIT_WITHIN_MS);
    this.#keepAlive.add(connection);
  }

  /** Removes a connection that has closed. */
  end(connection: Connection): void {
    this.registry.remove(connection);
    this.#keepAlive.remove(connection);
  }

  /** Closes every connection with 1012, spread over a window that grows with their number. */
  async drain(): Promise<void> {
    const open = [...this.registry.all];
    const windowMs = Math.min(MAX_DRAIN_MS, open.length * DRAIN_MS_PER_CONNECTION);
    const share = Math.ceil(open.length / DRAIN_STEPS);
    for (let from = 0; from < open.length; from += share) {
      for (const connection of open.slice(from, from + share)) connection.close(CloseCode.ServiceRestart, 'Restarting');
      await new Promise((resolve) => setTimeout(resolve, windowMs / DRAIN_STEPS));
    }
  }

  #endSessions(sessionIds: readonly string[], announcement: Announcement | null): void {
    for (const sessionId of sessionIds) {
      this.registry.rememberEnded(sessionId);
      this.#end(this.registry.takeSession(sessionId), announcement);
    }
  }

  #endViewer(revoked: RevokedViewer, announcement: Announcement | null): void {
    this.registry.rememberRevoked(revoked);
    // The announcement's time is on this node's monotonic clock, as that of the opening is.
    const openBeforeMs = revoked.allOpen === true && announcement ? announcement.announcedAtMs : -Infinity;
    const connections = this.registry
      .ofViewer(revoked.viewer)
      .filter((connection) => isRevokedBy(connection, revoked) || connection.openedAtMs <= openBeforeMs);
    this.#end(connections, announcement);
  }

  #end(connections: readonly Connection[], announcement: Announcement | null): void {
    for (const connection of connections) connection.close(CloseCode.Unauthorized, 'Session ended');
    if (connections.length > 0) this.metrics.closed(announcement);
  }

  /** It is not known whether these sessions are still valid, and events are waiting. */
  #closeUnknown(sessionIds: readonly string[], viewers: readonly ViewerId[]): void {
    const ofSessions = sessionIds.flatMap((id) => this.registry.ofSession(id));
    const ofViewers = viewers
      .flatMap((viewer) => this.registry.ofViewer(viewer))
      .filter(({ issuedAtMs }) => issuedAtMs > 0);
    for (const connection of [...ofSessions, ...ofViewers])
      connection.close(CloseCode.TryAgainLater, 'Try again later');
  }

  /** Checks one connection when its deadline is due; returns when to check again. */
  #check(connection: Connection, nowMs: number): number | null {
    if (connection.closed) return null;
    if (connection.state === 'opening') return this.#checkBeforeAck(connection, nowMs);
    const { standsOnToken, session } = connection;
    const endsAtMs = connection.endsAtMs + (standsOnToken ? TOKEN_GRACE_MS : 0);
    if (nowMs < endsAtMs) return Math.min(endsAtMs, nextCheck(connection, nowMs));
    if (standsOnToken || session === null) connection.close(CloseCode.Forbidden, 'Token expired');
    else void this.#checkSession(connection, session, nowMs);
    return null;
  }

  /** HTTP requests extend a session without notifying its sockets, so the end is checked again when it is due. */
  async #checkSession(connection: Connection, session: string, nowMs: number): Promise<void> {
    try {
      const endsAt = await this.watch.endOf(session);
      if (!endsAt) return connection.close(CloseCode.Unauthorized, 'Session ended');
      // A token may have refreshed it meanwhile, and may end before the session.
      if (!connection.standsOnToken) connection.extendTo(endsAt);
      const nextMs = Math.max(connection.endsAtMs, nowMs + ASK_AGAIN_MS);
      this.#deadlines.add(connection, Math.min(nextMs, nextCheck(connection, nowMs)));
    } catch {
      // It is not known whether the session is still valid. A short outage of the store closes nothing, a long one
      // does.
      if (nowMs - connection.endsAtMs > UNKNOWN_FOR_MS) connection.close(CloseCode.TryAgainLater, 'Try again later');
      else this.#deadlines.add(connection, nowMs + ASK_AGAIN_MS);
    }
  }

  #checkBeforeAck(connection: Connection, nowMs: number): number | null {
    const deadlineMs = connection.openedAtMs + (connection.initReceived ? ACK_WITHIN_MS : INIT_WITHIN_MS);
    if (nowMs < deadlineMs) return deadlineMs;
    connection.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout');
    return null;
  }
}

/** Counted from its opening, so that the checks of many connections stay spread after a pause of the process. */
function nextCheck({ standsOnToken, session, openedAtMs }: Connection, nowMs: number): number {
  const isRefreshedByTokens = standsOnToken || (session !== null && isExternalSession(session));
  const everyMs = isRefreshedByTokens ? CHECK_TOKEN_WITHIN_MS : CHECK_WITHIN_MS;
  return nowMs + everyMs - ((nowMs - openedAtMs) % everyMs);
}
