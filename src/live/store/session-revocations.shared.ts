import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { announcedHere, type RevokedViewer, SessionRevocations } from '../sessions/session-revocations.js';
import { readRevocations, REVOCATIONS_PER_MESSAGE, writeRevocations } from './revocation-message.js';

/**
 * Revocations over many nodes. A message is sent before the announcement resolves, on the way that also carries events,
 * so on every node it arrives before events that are published after the answer.
 */
export abstract class SharedSessionRevocations extends SessionRevocations {
  /** Tells this node's own messages from the others'. */
  readonly #node = randomUUID();

  constructor(private readonly logger: Logger) {
    super();
  }

  /** The store's clock, in ms since the epoch. */
  protected abstract get nowMs(): number;

  /**
   * Sends a message to every node, this one included, each of which passes it to {@link receive}.
   *
   * @throws UnavailableError when the store is unavailable
   */
  protected abstract send(message: string): Promise<unknown>;

  override async announce(sessionIds: readonly string[]): Promise<void> {
    // The first message is written before sockets are closed here: with thousands of them the other nodes would wait.
    const announcement = announcedHere();
    const sent = this.#sendAll(sessionIds);
    this.notifyHere(sessionIds, announcement);
    await sent;
  }

  override async announceViewer(revoked: RevokedViewer): Promise<void> {
    const announcement = announcedHere();
    const sent = this.#send([revoked]);
    this.notifyViewerHere(revoked, announcement);
    await sent;
  }

  /** Notifies this node's listeners of what a message says. */
  protected receive(message: string): void {
    const { sessionIds, viewers, announcement } = readRevocations(message, this.nowMs, this.#node);
    this.notifyHere(sessionIds, announcement);
    for (const revoked of viewers) this.notifyViewerHere(revoked, announcement);
  }

  async #sendAll(sessionIds: readonly string[]): Promise<void> {
    for (let from = 0; from < sessionIds.length; from += REVOCATIONS_PER_MESSAGE)
      if (!(await this.#send(sessionIds.slice(from, from + REVOCATIONS_PER_MESSAGE)))) return;
  }

  /** False if the other nodes could not be notified. */
  async #send(ended: readonly (string | RevokedViewer)[]): Promise<boolean> {
    try {
      await this.send(writeRevocations(ended, this.nowMs, this.#node));
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      const facts = { sessions: ended.length, reason };
      this.logger.warn(
        facts,
        'other nodes could not be notified of ended sessions: they detect them within 20 seconds',
      );
      return false;
    }
  }
}
