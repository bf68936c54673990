import { UnavailableError } from '../../errors/sallyport.errors.js';
import { KEEP_REVOCATION_SECONDS, RevocationStore } from '../../sessions/revocation.store.js';

/**
 * The most revocations, about two a second for a day. Beyond it none is dropped early: the next revocation is refused.
 */
const MAX_REMEMBERED = 200_000;

interface Revocation {
  readonly issuedUntilMs: number;
  /** On the monotonic clock. */
  readonly forgetAtMs: number;
}

/** Revocations of one process; lost at a restart. */
export class MemoryRevocationStore extends RevocationStore {
  /** The oldest first, since all are kept for the same time. */
  readonly #revoked = new Map<string, Revocation>();

  override async remember(subject: string, issuedUntilMs: number): Promise<void> {
    this.#forgetOld();
    const before = this.#revoked.get(subject)?.issuedUntilMs ?? 0;
    this.#revoked.delete(subject);
    if (this.#revoked.size >= MAX_REMEMBERED) throw new UnavailableError();
    const forgetAtMs = performance.now() + KEEP_REVOCATION_SECONDS * 1000;
    this.#revoked.set(subject, { issuedUntilMs: Math.max(before, issuedUntilMs), forgetAtMs });
  }

  override async issuedUntil(subjects: readonly string[]): Promise<readonly number[]> {
    return subjects.map((subject) => this.#revoked.get(subject)?.issuedUntilMs ?? 0);
  }

  #forgetOld(): void {
    const nowMs = performance.now();
    for (const [subject, { forgetAtMs }] of this.#revoked) {
      if (forgetAtMs > nowMs) return;
      this.#revoked.delete(subject);
    }
  }
}
