import { Inject, Injectable, type OnApplicationBootstrap, type BeforeApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../../live/logging/logger.js';
import { type EndedSession, EndedSessions } from './ended-sessions.js';
import { SessionStore } from './session.store.js';

const SWEEP_EVERY_MS = 5_000;
const BATCH = 1_000;

/** Ends expired sessions within seconds: deletes their rows and closes their sockets on every node. */
@Injectable()
export class SessionSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | null = null;
  #isFailing = false;

  constructor(
    private readonly store: SessionStore,
    private readonly ended: EndedSessions,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.sweep(), SWEEP_EVERY_MS).unref();
  }

  /** Lets the running sweep finish while the database is still open. */
  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
  }

  /** Sweeps now, until no expired session is left. Nodes that sweep concurrently share the work. Never throws. */
  sweep(): Promise<void> {
    return (this.#sweeping ??= this.#sweepAll().finally(() => (this.#sweeping = null)));
  }

  async #sweepAll(): Promise<void> {
    try {
      let ended: readonly EndedSession[];
      do {
        ended = await this.store.endExpired(BATCH);
        await this.ended.announceEach(ended, { reason: 'expired', by: 'server' });
      } while (ended.length === BATCH);
      if (this.#isFailing) this.logger.info('expired sessions are swept again');
      this.#isFailing = false;
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      if (!this.#isFailing) this.logger.warn({ reason }, 'expired sessions could not be swept: trying every 5 s');
      this.#isFailing = true;
    }
  }
}
