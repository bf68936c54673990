import { SessionEndings } from '../../sessions/session-revocations.js';

/** Endings where this process is the only node. */
export class MemorySessionEndings extends SessionEndings {
  override announce(sessionIds: readonly string[]): Promise<void> {
    this.tellHere(sessionIds);
    return Promise.resolve();
  }
}
