import type { RevocationNews, RevokedViewer } from '../sessions/session-revocations.js';
import { parseViewerId } from '../viewer/viewer.js';

/** Sessions in one message between nodes: about 40 KB, well within subscribers' buffer limits. */
export const REVOCATIONS_PER_MESSAGE = 1_000;
/** The length of an outside session id of 200 encoded bytes. */
const MAX_ID_LENGTH = 642;

/** An age above this is an error of a clock. */
const MAX_AGE_MS = 3_600_000;

/** What a message tells. */
interface RevocationMessage {
  readonly sessionIds: readonly string[];
  readonly viewers: readonly RevokedViewer[];
  readonly news: RevocationNews | null;
}

/**
 * A message between nodes: a JSON list of ended sessions' ids, of viewers whose tokens were revoked, and of when that
 * was announced.
 *
 * @param nowMs the store's clock, in ms since the epoch
 */
export function writeRevocations(ended: readonly (string | RevokedViewer)[], nowMs: number): string {
  return JSON.stringify([...ended, { announcedAtMs: Math.round(nowMs) }]);
}

/**
 * Reads a message of {@link writeRevocations}. Anyone who can write to the store can end sockets; messages and items of
 * another shape are ignored.
 *
 * @param nowMs the store's clock, in ms since the epoch
 */
export function readRevocations(message: string, nowMs: number): RevocationMessage {
  const items = readList(message);
  const at = items.find(isTime)?.announcedAtMs;
  return {
    sessionIds: items.filter((id): id is string => typeof id === 'string' && id.length <= MAX_ID_LENGTH),
    viewers: items.filter(isRevokedViewer),
    news:
      at === undefined
        ? null
        : { node: 'other', announcedAtMs: performance.now() - Math.max(0, Math.min(nowMs - at, MAX_AGE_MS)) },
  };
}

function readList(message: string): readonly unknown[] {
  try {
    const items: unknown = JSON.parse(message);
    return Array.isArray(items) ? items : [];
  } catch {
    return [];
  }
}

function isTime(item: unknown): item is { readonly announcedAtMs: number } {
  return Number.isFinite((item as { announcedAtMs?: unknown } | null)?.announcedAtMs);
}

function isRevokedViewer(item: unknown): item is RevokedViewer {
  if (typeof item !== 'object' || item === null) return false;
  const { viewer, issuedUntilMs } = item as Partial<RevokedViewer>;
  return parseViewerId(viewer) !== null && typeof issuedUntilMs === 'number';
}
