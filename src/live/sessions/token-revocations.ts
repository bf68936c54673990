import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { ViewerId } from '../viewer/viewer.js';
import { RevocationStore, sessionSubject, viewerSubject, withoutSessionSubject } from './revocation.store.js';
import { SessionRevocations } from './session-revocations.js';

/** A session's tokens are revoked regardless of when they were issued. */
const WHENEVER = Number.MAX_SAFE_INTEGER;
/** How often the clock is read again until it has moved on. A test may have stopped it. */
const MAX_CLOCK_READINGS = 5;

/** The claims of a verified token. */
export interface IssuedToken {
  readonly viewer: ViewerId;
  /** The session that it belongs to, from {@link outsideSession}; null if it names none. */
  readonly session: string | null;
  readonly issuedAt: Date;
}

/**
 * Revokes tokens that were issued elsewhere: those of an outside session, or all of a viewer so far. Used by
 * back-channel logout and by `POST /disconnect`.
 */
@Injectable()
export class TokenRevocations {
  constructor(
    private readonly store: RevocationStore,
    private readonly revocations: SessionRevocations,
  ) {}

  /**
   * Revokes a session: the revocation is kept until its last token has expired, and its sockets close with 4401 on
   * every node before this resolves, or as soon as a node is notified.
   *
   * @param session from {@link outsideSession}
   * @throws UnavailableError when the store is unavailable: then nothing is revoked
   */
  async revokeSession(session: string): Promise<void> {
    await this.store.remember(sessionSubject(session), WHENEVER);
    await this.revocations.announce([session]);
  }

  /**
   * Revokes every token of a viewer that was issued up to a time, and closes the sockets that depend on one with 4401.
   * A token that is issued after this has resolved is valid.
   *
   * @param issuedUntil default: every token so far, and every open socket
   * @throws UnavailableError when the store is unavailable: then nothing is revoked
   */
  async revokeViewer(viewer: ViewerId, issuedUntil?: Date): Promise<void> {
    const issuedUntilMs = issuedUntil?.getTime() ?? Date.now();
    await this.store.remember(viewerSubject(viewer), issuedUntilMs);
    const allOpen = issuedUntil === undefined;
    await this.revocations.announceViewer({ viewer, issuedUntilMs, ...(allOpen ? { allOpen } : {}) });
    if (allOpen) await isOver(issuedUntilMs);
  }

  /**
   * Revokes the tokens of a viewer that name no session: if one of the viewer's sessions has ended, such a token may
   * belong to it.
   *
   * @param issuedUntil default now
   * @throws UnavailableError when the store is unavailable: then nothing is revoked
   */
  async revokeWithoutSession(viewer: ViewerId, issuedUntil: Date = new Date()): Promise<void> {
    const issuedUntilMs = issuedUntil.getTime();
    await this.store.remember(withoutSessionSubject(viewer), issuedUntilMs);
    await this.revocations.announceViewer({ viewer, issuedUntilMs, onlyWithoutSession: true });
  }

  /**
   * Whether a token was revoked. Asks the store, never a cache.
   *
   * @throws UnavailableError when the store is unavailable
   */
  async isRevoked({ viewer, session, issuedAt }: IssuedToken): Promise<boolean> {
    const narrower = session === null ? withoutSessionSubject(viewer) : sessionSubject(session);
    const untilMs = await this.store.issuedUntil([viewerSubject(viewer), narrower]);
    // A session's revocation applies to any issue time.
    return untilMs.some((instantMs) => issuedAt.getTime() <= instantMs);
  }
}

/** Resolves when this millisecond is over, so that tokens from now on have a later issue time. */
async function isOver(millisecond: number): Promise<void> {
  for (let readings = 0; Date.now() === millisecond && readings < MAX_CLOCK_READINGS; readings++) await setTimeout(1);
}
