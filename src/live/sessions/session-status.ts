import { Injectable } from '@nestjs/common';
import type { ViewerId } from '../viewer/viewer.js';
import { endOfExternalSession, isExternalSession } from './external-session.js';
import { RevocationStore, sessionSubject, viewerSubject, withoutSessionSubject } from './revocation.store.js';
import type { RevokedViewer } from './session-revocations.js';
import { Sessions } from './sessions.js';

/** Checks which sessions are still valid: our own with the {@link Sessions} port, external ones by their revocations. */
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
    const external = ids.filter(isExternalSession);
    if (external.length === 0) return this.sessions.status(ids);
    const own = ids.filter((id) => !isExternalSession(id));
    const [known, revoked] = await Promise.all([
      own.length === 0 ? new Map<string, Date>() : this.sessions.status(own),
      this.revocations.issuedUntil(external.map(sessionSubject)),
    ]);
    const end = endOfExternalSession();
    const live = external.filter((_, index) => revoked[index] === 0);
    return new Map([...known, ...live.map((id) => [id, end] as const)]);
  }

  /**
   * Which of these viewers have revoked tokens.
   *
   * @param viewers at most 1,000
   * @throws UnavailableError when the store is unavailable
   */
  async revoked(viewers: readonly ViewerId[]): Promise<readonly RevokedViewer[]> {
    const subjects = [...viewers.map(viewerSubject), ...viewers.map(withoutSessionSubject)];
    const untilMs = await this.revocations.issuedUntil(subjects);
    return viewers.flatMap((viewer, index): RevokedViewer[] => {
      const every = { viewer, issuedUntilMs: untilMs[index]! };
      const withoutSession = { viewer, issuedUntilMs: untilMs[viewers.length + index]!, onlyWithoutSession: true };
      return [every, withoutSession].filter(({ issuedUntilMs }) => issuedUntilMs > 0);
    });
  }
}
