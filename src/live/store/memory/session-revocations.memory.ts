import { announcedHere, type RevokedViewer, SessionRevocations } from '../../sessions/session-revocations.js';

/** Revocations when this process is the only node. */
export class MemorySessionRevocations extends SessionRevocations {
  override announce(sessionIds: readonly string[]): Promise<void> {
    this.notifyHere(sessionIds, announcedHere());
    return Promise.resolve();
  }

  override announceViewer(revoked: RevokedViewer): Promise<void> {
    this.notifyViewerHere(revoked, announcedHere());
    return Promise.resolve();
  }
}
