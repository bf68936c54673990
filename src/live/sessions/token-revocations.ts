import { Injectable } from '@nestjs/common';
import DataLoader from 'dataloader';
import { within } from '../deadline.js';
import { UnavailableError } from '../errors/sallyport.errors.js';
import type { ViewerId } from '../viewer/viewer.js';
import { RevocationStore, sessionSubject, viewerSubject, withoutSessionSubject } from './revocation.store.js';
import { SessionRevocations } from './session-revocations.js';

/** A session's tokens are revoked regardless of when they were issued. */
const WHENEVER = Number.MAX_SAFE_INTEGER;
/** How long a new token waits for a store that may hang, in milliseconds. */
const KNOWN_WITHIN_MS = 500;
/** The most viewers in one query to the store. */
const BATCH = 500;

/** The claims of a verified token. */
export interface IssuedToken {
  readonly viewer: ViewerId;
  /** The id of the session that it belongs to; null if it names none. */
  readonly session: string | null;
  readonly issuedAt: Date;
}

/**
 * Revokes tokens whose session is not kept here: those of a session, or all of a viewer so far. Used by back-channel
 * logout, `POST /disconnect` and `Sallyport` in an application.
 */
@Injectable()
export class TokenRevocations {
  /** The latest revocation of tokens of a viewer; calls in one turn of the event loop share a query. */
  readonly #latestMs = new DataLoader<ViewerId, number>((viewers) => this.#askLatest(viewers), {
    cache: false,
    maxBatchSize: BATCH,
  });

  constructor(
    private readonly store: RevocationStore,
    private readonly revocations: SessionRevocations,
  ) {}

  /**
   * Revokes a session: the revocation is kept until its last token has expired, and its sockets close with 4401 on
   * every node before this resolves, or as soon as a node is notified.
   *
   * @param session from {@link externalSession}, or an application's own id
   * @throws UnavailableError when the store is unavailable: then nothing is revoked
   */
  async revokeSession(session: string): Promise<void> {
    await this.store.remember(sessionSubject(session), WHENEVER);
    await this.revocations.announce([session]);
  }

  /**
   * Revokes every token of a viewer that was issued up to a time, and closes the sockets that depend on one with 4401.
   *
   * @param issuedUntil default: every token so far, and every open socket
   * @throws UnavailableError when the store is unavailable: then nothing is revoked
   */
  async revokeViewer(viewer: ViewerId, issuedUntil?: Date): Promise<void> {
    const issuedUntilMs = issuedUntil?.getTime() ?? Math.max(Date.now(), (await this.#latestMs.load(viewer)) + 1);
    await this.store.remember(viewerSubject(viewer), issuedUntilMs);
    const allOpen = issuedUntil === undefined;
    await this.revocations.announceViewer({ viewer, issuedUntilMs, ...(allOpen ? { allOpen } : {}) });
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
   * What a new token of a viewer says about revocations: see `issueTime`. Undefined while the store is unavailable or
   * hangs; only the clocks tell then whether the token is older than a revocation.
   */
  async lastRevocationMs(viewer: ViewerId): Promise<number | undefined> {
    try {
      return await within(KNOWN_WITHIN_MS, this.#latestMs.load(viewer), undefined);
    } catch (error) {
      if (error instanceof UnavailableError) return undefined;
      throw error;
    }
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

  /** In ms since the epoch and in the order of the viewers; 0 for none. */
  async #askLatest(viewers: readonly ViewerId[]): Promise<readonly number[]> {
    const subjects = [...viewers.map(viewerSubject), ...viewers.map(withoutSessionSubject)];
    const untilMs = await this.store.issuedUntil(subjects);
    return viewers.map((_, index) => Math.max(untilMs[index]!, untilMs[viewers.length + index]!));
  }
}
