import type { ErrorCode } from '../../protocol/error-code.js';
import type { FeedRegistry } from '../feeds/feed.registry.js';
import type { Publication } from '../topics/topic.bus.js';
import { measurePayload, toJsonValue } from '../topics/payload.js';
import { topicOf } from '../topics/topic.js';
import { parseViewerId, VIEWER_ID_FORMS, type ViewerId } from '../viewer/viewer.js';

/**
 * Returns why a viewer id cannot exist here, such as that of a customer of a shop that is not configured, as a message
 * for the publisher; null if it may exist. Called for each published event, without access to a store.
 */
export type ViewerCheck = (viewer: ViewerId) => string | null;

/** Injection token of the {@link ViewerCheck}. */
export const VIEWER_CHECK = Symbol('VIEWER_CHECK');

/** The largest payload, in bytes of JSON: what clients accept in one message. */
const MAX_PAYLOAD_BYTES = 64 * 1024;
const MAX_PAYLOAD_LEVELS = 64;
/** The longest idempotency key, in characters. */
export const MAX_KEY_LENGTH = 200;
/** The error of an event whose key was used for another payload. */
export const KEY_REUSED = 'key was used for another payload within the last 5 minutes: use a new key for a new event.';
/** The error of an event whose feed threw an error while it checked the payload. */
export const CHECK_FAILED = 'the feed could not check this event: its error is in the log of the server.';
/** It has no UTF-8 encoding: keys that differ only there would be the same bytes. */
const LONE_SURROGATE = /\p{Surrogate}/u;
const FIELDS = new Set(['topic', 'viewer', 'payload', 'key']);

/** Why one event of a request is not published; the others are. */
export interface EventError {
  readonly code: ErrorCode;
  /** Names the field, never its value. */
  readonly message: string;
}

/** Who publishes an event. */
export interface EventPublisher {
  /** The owner of the event and of its idempotency key; each publisher has its own keys. */
  readonly id: string;
  /** Whether it may publish to the topic of this name. Absent: to every topic. */
  readonly mayPublish?: (topic: string) => boolean;
  /** Whether it keeps the payload and may change it later, so that it must be copied. Default false. */
  readonly keepsPayload?: boolean;
}

/** One checked event of a request: ready for the bus, or refused. */
export type CheckedEvent =
  { readonly ok: true; readonly publication: Publication } | { readonly ok: false; readonly error: EventError };

/**
 * Checks one event from outside: its topic, viewer, key, size, and its payload against the feed.
 *
 * @param refuses why this viewer cannot exist; see {@link ViewerCheck}
 * @throws what a rule of the feed throws
 */
export function checkEvent(
  event: unknown,
  publisher: EventPublisher,
  feeds: FeedRegistry,
  refuses: ViewerCheck,
): CheckedEvent {
  if (typeof event !== 'object' || event === null || Array.isArray(event))
    return bad('an event must be a JSON object with topic, viewer and payload.');
  const { topic, viewer, payload: given, key } = event as Record<string, unknown>;
  if (!Object.keys(event).every((field) => FIELDS.has(field)))
    return bad('an event may have only the fields topic, viewer, payload and key.');
  const feed = feeds.find(topic);
  if (!feed) return refused('NOT_FOUND', `topic must be one of ${feeds.names.join(', ')}.`);
  const { name } = feed.topic;
  if (publisher.mayPublish?.(name) === false)
    return refused('FORBIDDEN', `This key may not publish to ${name}: it lacks publish:${name}.`);
  const owner = parseViewerId(viewer);
  if (!owner) return bad(`viewer must be a viewer id: ${VIEWER_ID_FORMS}.`);
  const unknown = refuses(owner);
  if (unknown !== null) return bad(unknown);
  if (key !== undefined && !isKey(key))
    return bad(`key must be valid Unicode text of 1 to ${MAX_KEY_LENGTH} characters.`);
  if (given === undefined) return bad('payload is missing.');
  const json = readPayload(given, publisher.keepsPayload === true);
  if (json.fault !== null) return bad(`payload ${json.fault}.`);
  const { payload: submitted, bytes } = json;
  const verdict = feed.check(submitted);
  if (!verdict.ok) return bad(verdict.message);
  const owned = topicOf(feed.topic, owner);
  const { value } = verdict;
  // Literals: in this path, spreading one takes longer than all checks.
  return typeof key === 'string'
    ? { ok: true, publication: { topic: owned, payload: value, bytes, publisher: publisher.id, key, submitted } }
    : { ok: true, publication: { topic: owned, payload: value, bytes, publisher: publisher.id } };
}

/** A payload as JSON values, with the memory that it takes in bytes, or what is wrong with it. */
type ReadPayload =
  { readonly fault: null; readonly payload: unknown; readonly bytes: number } | { readonly fault: string };

/** Here rather than in a store, so that every store delivers the same value. */
function readPayload(given: unknown, mustCopy: boolean): ReadPayload {
  let payload = given;
  let size = measurePayload(given, MAX_PAYLOAD_LEVELS);
  if (size.fault === null && (size.hasToJson || (mustCopy && typeof given === 'object'))) {
    payload = toJsonValue(given);
    if (payload === undefined) return { fault: 'has a toJSON that returns no JSON' };
    size = measurePayload(payload, MAX_PAYLOAD_LEVELS);
  }
  if (size.fault !== null) return { fault: size.fault };
  if (size.maxJsonBytes > MAX_PAYLOAD_BYTES && Buffer.byteLength(JSON.stringify(payload)) > MAX_PAYLOAD_BYTES)
    return { fault: `is larger than ${MAX_PAYLOAD_BYTES} bytes of JSON` };
  return { fault: null, payload, bytes: size.memoryBytes };
}

/** Its length is in characters, of which some are two units of UTF-16. */
function isKey(key: unknown): key is string {
  if (typeof key !== 'string' || key.length < 1 || key.length > 2 * MAX_KEY_LENGTH || LONE_SURROGATE.test(key))
    return false;
  return key.length <= MAX_KEY_LENGTH || [...key].length <= MAX_KEY_LENGTH;
}

function bad(message: string): CheckedEvent {
  return refused('BAD_USER_INPUT', message);
}

function refused(code: ErrorCode, message: string): CheckedEvent {
  return { ok: false, error: { code, message } };
}
