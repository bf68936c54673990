import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { SessionEndings } from '../auth/session/session-endings.js';
import { CloseCode } from '../protocol/close-code.js';
import type { Connection } from './connection.js';
import { ConnectionRegistry } from './connection-registry.js';
import { DeadlineWheel } from './deadline-wheel.js';
import { KeepAlive } from './keep-alive.js';

/** From the opening to `connection_init`, in milliseconds. */
const INIT_WITHIN_MS = 3000;
/** From the opening to the ack, whatever hangs, in milliseconds. */
const ACK_WITHIN_MS = 5000;
/** How long a customer's socket outlives its token, in milliseconds. */
const TOKEN_GRACE_MS = 5000;

/** Ends connections: those that do not introduce themselves, do not answer, have run out, or whose session has ended. */
@Injectable()
export class Lifetimes implements OnModuleInit, OnModuleDestroy {
  readonly #deadlines = new DeadlineWheel<Connection>((connection, nowMs) => this.#look(connection, nowMs));
  readonly #keepAlive = new KeepAlive();
  #stopListening: () => void = () => {};

  constructor(
    private readonly registry: ConnectionRegistry,
    private readonly endings: SessionEndings,
  ) {}

  onModuleInit(): void {
    this.#stopListening = this.endings.listen((sessionIds) => this.#endSessions(sessionIds));
  }

  onModuleDestroy(): void {
    this.#stopListening();
    this.#deadlines.stop();
    this.#keepAlive.stop();
  }

  /** Watches a connection that has just been opened. */
  begin(connection: Connection): void {
    this.#deadlines.add(connection, connection.openedAtMs + INIT_WITHIN_MS);
    this.#keepAlive.add(connection);
  }

  /** Forgets a connection that has closed. */
  end(connection: Connection): void {
    this.#keepAlive.remove(connection);
  }

  #endSessions(sessionIds: readonly string[]): void {
    for (const sessionId of sessionIds) {
      this.registry.rememberEnded(sessionId);
      for (const connection of [...this.registry.ofSession(sessionId)]) {
        connection.close(CloseCode.Unauthorized, 'Session ended');
      }
    }
  }

  /** Looks at one connection when its deadline has come; returns when to look again. */
  #look(connection: Connection, nowMs: number): number | null {
    if (connection.closed) return null;
    const viewer = connection.context?.viewer;
    if (!viewer) return this.#lookBeforeAck(connection, nowMs);
    const graceMs = viewer.kind === 'customer' ? TOKEN_GRACE_MS : 0;
    const endsAtMs = connection.expiresAtMs + graceMs;
    if (nowMs < endsAtMs) return endsAtMs;
    if (viewer.kind === 'customer') connection.close(CloseCode.Forbidden, 'Token expired');
    else connection.close(CloseCode.Unauthorized, 'Session ended');
    return null;
  }

  #lookBeforeAck(connection: Connection, nowMs: number): number | null {
    const deadlineMs = connection.openedAtMs + (connection.initReceived ? ACK_WITHIN_MS : INIT_WITHIN_MS);
    if (nowMs < deadlineMs) return deadlineMs;
    connection.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout');
    return null;
  }
}
