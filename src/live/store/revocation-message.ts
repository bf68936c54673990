import type { RevokedViewer } from '../sessions/session-revocations.js';
import { parseViewerId } from '../viewer/viewer.js';

/** Sessions in one message between nodes: about 40 KB, well within subscribers' buffer limits. */
export const REVOCATIONS_PER_MESSAGE = 1_000;
/** The length of an outside session id of 200 encoded bytes. */
const MAX_ID_LENGTH = 642;

/** What a message tells. */
interface RevocationMessage {
  readonly sessionIds: readonly string[];
  readonly viewers: readonly RevokedViewer[];
}

/**
 * Reads a message between nodes: a JSON list of ended sessions' ids and of viewers whose tokens were revoked. Anyone who
 * can write to the store can end sockets; messages and items of another shape are ignored.
 */
export function readRevocations(message: string): RevocationMessage {
  const items = readList(message);
  return {
    sessionIds: items.filter((id): id is string => typeof id === 'string' && id.length <= MAX_ID_LENGTH),
    viewers: items.filter(isRevokedViewer),
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

function isRevokedViewer(item: unknown): item is RevokedViewer {
  if (typeof item !== 'object' || item === null) return false;
  const { viewer, issuedUntilMs } = item as Partial<RevokedViewer>;
  return parseViewerId(viewer) !== null && typeof issuedUntilMs === 'number';
}
