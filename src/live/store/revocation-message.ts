import type { Announcement, RevokedViewer } from '../sessions/session-revocations.js';
import { formatTraceparent, parseSampled } from '../tracing/trace-context.js';
import { currentTrace } from '../tracing/tracer.js';
import { parseViewerId } from '../viewer/viewer.js';

/**
 * Sessions in one message between nodes: about 40 KB of our own ids, at most about 650 KB of external ones, well within
 * subscribers' buffer limits.
 */
export const REVOCATIONS_PER_MESSAGE = 1_000;
/** The length of an external session id of 200 encoded bytes. */
const MAX_ID_LENGTH = 642;

/** An age above this is an error of a clock. */
const MAX_AGE_MS = 3_600_000;

/** When a revocation was announced, by the store's clock, by which node, and in which trace. */
interface SentAnnouncement {
  readonly announcedAtMs: number;
  /** Absent from older nodes. */
  readonly node?: unknown;
  /** Not yet parsed. */
  readonly traceparent?: unknown;
}

/** The contents of a message. */
interface RevocationMessage {
  readonly sessionIds: readonly string[];
  readonly viewers: readonly RevokedViewer[];
  /** Null for this node's own message, which has closed its sockets already, and for one without a time. */
  readonly announcement: Announcement | null;
}

/**
 * A message between nodes: a JSON list of ended sessions' ids, of viewers whose tokens were revoked, and of when that
 * was announced, with the current trace if it is sampled.
 *
 * @param nowMs the store's clock, in ms since the epoch
 * @param node the id of this node
 */
export function writeRevocations(ended: readonly (string | RevokedViewer)[], nowMs: number, node: string): string {
  const trace = currentTrace();
  const traceparent = trace ? { traceparent: formatTraceparent(trace) } : {};
  return JSON.stringify([...ended, { announcedAtMs: Math.round(nowMs), node, ...traceparent }]);
}

/**
 * Reads a message of {@link writeRevocations}. Anyone who can write to the store can end sockets; messages and items of
 * another shape are ignored.
 *
 * @param nowMs the store's clock, in ms since the epoch
 * @param node the id of this node
 */
export function readRevocations(message: string, nowMs: number, node: string): RevocationMessage {
  const items = readList(message);
  const announced = items.find(isTime);
  return {
    sessionIds: items.filter((id): id is string => typeof id === 'string' && id.length <= MAX_ID_LENGTH),
    viewers: items.filter(isRevokedViewer),
    announcement: announced === undefined || announced.node === node ? null : toAnnouncement(announced, nowMs),
  };
}

function toAnnouncement({ announcedAtMs, traceparent }: SentAnnouncement, nowMs: number): Announcement {
  const ageMs = Math.max(0, Math.min(nowMs - announcedAtMs, MAX_AGE_MS));
  return { node: 'other', announcedAtMs: performance.now() - ageMs, trace: parseSampled(traceparent) ?? undefined };
}

function readList(message: string): readonly unknown[] {
  try {
    const items: unknown = JSON.parse(message);
    return Array.isArray(items) ? items : [];
  } catch {
    return [];
  }
}

function isTime(item: unknown): item is SentAnnouncement {
  return Number.isFinite((item as { announcedAtMs?: unknown } | null)?.announcedAtMs);
}

function isRevokedViewer(item: unknown): item is RevokedViewer {
  if (typeof item !== 'object' || item === null) return false;
  const { viewer, issuedUntilMs } = item as Partial<RevokedViewer>;
  return parseViewerId(viewer) !== null && typeof issuedUntilMs === 'number';
}
