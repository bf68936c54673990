import { randomUUID } from 'node:crypto';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Logger } from 'pino';
import { announcedHere, type RevokedViewer, SessionRevocations } from '../../sessions/session-revocations.js';
import { readRevocations, REVOCATIONS_PER_MESSAGE, writeRevocations } from '../revocation-message.js';
import type { EventLog, LogEntry } from './event-log.js';
import type { PostgresConnection } from './postgres.connection.js';

/**
 * Revocations over all nodes of one PostgreSQL. An announcement is an entry of the log that also carries events, and is
 * committed before the announcement resolves: every node reads it before events that are published afterwards.
 */
export class PostgresSessionRevocations extends SessionRevocations implements OnModuleInit, OnApplicationShutdown {
  /** Tells this node's own messages from the others'. */
  readonly #node = randomUUID();
  #leave: () => void = () => {};

  constructor(
    private readonly postgres: PostgresConnection,
    private readonly log: EventLog,
    private readonly logger: Logger,
  ) {
    super();
  }

  onModuleInit(): void {
    this.#leave = this.log.follow((entry) => this.#hear(entry));
  }

  onApplicationShutdown(): void {
    this.#leave();
  }

  override async announce(sessionIds: readonly string[]): Promise<void> {
    this.notifyHere(sessionIds, announcedHere());
    for (let from = 0; from < sessionIds.length; from += REVOCATIONS_PER_MESSAGE) {
      if (!(await this.#notifyOthers(sessionIds.slice(from, from + REVOCATIONS_PER_MESSAGE)))) return;
    }
  }

  override async announceViewer(revoked: RevokedViewer): Promise<void> {
    this.notifyViewerHere(revoked, announcedHere());
    await this.#notifyOthers([revoked]);
  }

  async #notifyOthers(ended: readonly (string | RevokedViewer)[]): Promise<boolean> {
    try {
      await this.postgres.run('select sallyport.announce($1)', [
        writeRevocations(ended, this.postgres.nowMs, this.#node),
      ]);
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      this.logger.warn(
        { sessions: ended.length, reason },
        'other nodes could not be told of ended sessions: they will ask',
      );
      return false;
    }
  }

  #hear({ name, payload }: LogEntry): void {
    if (name !== '') return;
    const { sessionIds, viewers, news } = readRevocations(payload, this.postgres.nowMs, this.#node);
    this.notifyHere(sessionIds, news);
    viewers.forEach((revoked) => this.notifyViewerHere(revoked, news));
  }
}
