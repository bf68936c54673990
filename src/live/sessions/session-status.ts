import { Injectable } from '@nestjs/common';
import type { ViewerId } from '../viewer/viewer.js';
import { endOfOutsideSession, isOutsideSession } from './outside-session.js';
import { RevocationStore, sessionSubject, viewerSubject, withoutSessionSubject } from './revocation.store.js';
import type { RevokedViewer } from './session-revocations.js';
import { Sessions } from './sessions.js';

/** Checks which sessions are still valid: our own with the {@link Sessions} port, outside ones by their revocations. */
@Injectable()
export class SessionStatus {
  constructor(
    private readonly sessions: Sessions,
    private readonly revocations: RevocationStore,
  ) {}

  /**
   * @param ids at most 1,000
   * @returns the valid ones, each with its currently known end
   * @throws UnavailableError when a store is unavailable
   */
  async of(ids: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    const outside = ids.filter(isOutsideSession);
    if (outside.length === 0) return this.sessions.status(ids);
    const own = ids.filter((id) => !isOutsideSession(id));
    const [known, revoked] = await Promise.all([
      own.length === 0 ? new Map<string, Date>() : this.sessions.status(own),
      this.revocations.issuedUntil(outside.map(sessionSubject)),
    ]);
    const end = endOfOutsideSession();
    const live = outside.filter((_, index) => revoked[index] === 0);
    return new Map([...known, ...live.map((id) => [id, end] as const)]);
  }

  /**
   * Which of these viewers have revoked tokens.
   *
   * @param viewers at most 1,000
   * @throws UnavailableError when the store is unavailable
   */
  async revoked(viewers: readonly ViewerId[]): Promise<readonly RevokedViewer[]> {
    const subjects = viewers.flatMap((viewer) => [viewerSubject(viewer), withoutSessionSubject(viewer)]);
    const untilMs = await this.revocations.issuedUntil(subjects);
    return untilMs.flatMap((issuedUntilMs, index) => {
      const viewer = viewers[Math.floor(index / 2)];
      if (issuedUntilMs === 0 || viewer === undefined) return [];
      return [{ viewer, issuedUntilMs, ...(index % 2 === 1 ? { onlyWithoutSession: true } : {}) }];
    });
  }
}
