import { Injectable } from '@nestjs/common';
import type { Feed } from '../live/feeds/feed.js';
import { Presence } from '../live/presence/presence.js';
import { Publisher, type PublishResult } from '../live/publish/publisher.service.js';
import { Sessions } from '../live/sessions/sessions.js';
import { TokenRevocations } from '../live/sessions/token-revocations.js';
import { type SignedToken, TokenService } from '../live/tokens/token.service.js';
import type { ViewerId } from '../live/viewer/viewer.js';

/** Whose idempotency keys the events of the application itself are. */
const PUBLISHER = 'app';
/** The most that one question to the store asks for. */
const BATCH = 1_000;

/** One event for one viewer. */
export interface LiveEvent<T = unknown> {
  /** The feed, or its name. */
  readonly feed: Feed<T> | string;
  /** Whose event it is. */
  readonly viewer: ViewerId;
  /** A JSON value of the feed's type, at most 64 KiB. */
  readonly payload: T;
  /** Published again with the same key and payload within 5 minutes, the event is delivered once. */
  readonly key?: string;
}

/** Whether a viewer has a socket open on any node. */
export interface ViewerPresence {
  readonly viewer: ViewerId;
  readonly online: boolean;
}

/** Sallyport, as the rest of the application uses it. */
@Injectable()
export class Sallyport {
  /** @internal Nest makes it. */
  constructor(
    private readonly sessions: Sessions,
    private readonly tokens: TokenService,
    private readonly publisher: Publisher,
    private readonly revocations: TokenRevocations,
    private readonly presences: Presence,
  ) {}

  /**
   * Makes the token that a page takes to the socket, for `connection_init`. Call it from a route or a resolver of your own, which
   * answers with `Cache-Control: no-store`.
   *
   * @param request whatever your `sessions.read` reads
   * @returns null for a visitor
   * @throws UnavailableError when `sessions.read` throws or does not answer within 3 seconds
   */
  async connectionToken(request: object): Promise<SignedToken | null> {
    const signedIn = await this.sessions.read(request);
    if (!signedIn) return null;
    return this.tokens.sign({ id: signedIn.viewer.id, sessionId: signedIn.session }, undefined, Date.now() / 1000);
  }

  /**
   * Publishes an event to one viewer, on whichever node their sockets are.
   *
   * @returns its cursor, or why the event is refused: an unknown feed, a wrong viewer id, or a payload that the feed does not take
   * @throws UnavailableError when the store is unavailable: nothing was published, or the answer was lost
   */
  async publish<T>(
    feed: Feed<T> | string,
    viewer: ViewerId,
    payload: T,
    { key }: { readonly key?: string } = {},
  ): Promise<PublishResult> {
    const [result] = await this.publishAll([{ feed, viewer, payload, ...(key === undefined ? {} : { key }) }]);
    if (!result) throw new Error('One event has one result.');
    return result;
  }

  /**
   * Publishes several events, at most 1,000. Each is judged by itself; those of one topic keep their order.
   *
   * @returns one result for each event, in their order
   * @throws UnavailableError as {@link publish}, RangeError for more than 1,000 events
   */
  async publishAll(events: readonly LiveEvent<never>[] | readonly LiveEvent[]): Promise<readonly PublishResult[]> {
    if (events.length > BATCH) throw new RangeError(`Publish at most ${BATCH} events at once.`);
    const named = events.map(({ feed, ...event }) => ({
      topic: typeof feed === 'string' ? feed : feed.topic.name,
      ...event,
    }));
    return (await this.publisher.publish(named, PUBLISHER)).results;
  }

  /**
   * Ends a session: its sockets close with 4401 on every node, and its tokens open none. Call it where you end a session: after the
   * sign-out, the password change, the ban.
   *
   * @throws UnavailableError when the store is unavailable: call it again
   */
  revokeSession(session: string): Promise<void> {
    return this.revocations.revokeSession(session);
  }

  /**
   * Ends all sockets of a viewer with 4401 on every node; tokens issued until now open none. A session that is still live may get a new
   * token: end the sessions as well.
   *
   * @throws UnavailableError when the store is unavailable: call it again
   */
  revokeViewer(viewer: ViewerId): Promise<void> {
    return this.revocations.revokeViewer(viewer);
  }

  /**
   * Says which viewers have a socket open, over all nodes.
   *
   * @returns one answer for each viewer, in their order
   * @throws UnavailableError when the store is unavailable
   */
  async presence(viewers: readonly ViewerId[]): Promise<readonly ViewerPresence[]> {
    const online = new Set<ViewerId>();
    for (let at = 0; at < viewers.length; at += BATCH)
      for (const viewer of await this.presences.among(viewers.slice(at, at + BATCH))) online.add(viewer);
    return viewers.map((viewer) => ({ viewer, online: online.has(viewer) }));
  }
}
