import { Injectable } from '@nestjs/common';
import type { Feed } from '../live/feeds/feed.js';
import type { ConnectedViewer } from '../live/presence/presence.js';
import type { EventPublisher } from '../live/publish/published-event.js';
import type { PublishResult } from '../live/publish/publisher.service.js';
import type { SignedToken } from '../live/tokens/token.service.js';
import { parseViewerId, VIEWER_ID_FORMS, type ViewerId } from '../live/viewer/viewer.js';
import { isSessionId, SESSION_ID_FORM } from './app-sessions.js';
import { LateServices } from './sallyport-services.js';

/** The publisher of the application's own events, whose payloads are its own objects. */
const PUBLISHER: EventPublisher = { id: 'app', keepsPayload: true };
/** The most items in one query to the store. */
const BATCH = 1_000;

/** One event for one viewer. */
export interface LiveEvent<T = unknown> {
  /** The feed, or its name. */
  readonly feed: Feed<T> | string;
  /** The viewer who gets the event. */
  readonly viewer: ViewerId;
  /** A JSON value of the feed's type, at most 64 KiB. A `Date`, or whatever has `toJSON`, becomes its JSON first. */
  readonly payload: NoInfer<T>;
  /** An event that is published again with the same key and payload within 5 minutes is delivered once. */
  readonly key?: string;
}

/** Whether a viewer has open sockets on any node. */
export interface ViewerPresence {
  readonly viewer: ViewerId;
  readonly online: boolean;
  /** The number of open sockets on all nodes. */
  readonly connections: number;
  /** When the oldest open socket was opened; null without one. */
  readonly since: Date | null;
}

/** The API of Sallyport for the application. */
@Injectable()
export class Sallyport {
  /** @internal Created by Nest. */
  constructor(private readonly services: LateServices) {}

  /**
   * Creates the token that a page sends in `connection_init`. Call it from your own route or resolver, and respond with
   * `Cache-Control: no-store`.
   *
   * @param request the argument for your `sessions.read`
   * @returns null if the user is not signed in
   * @throws UnavailableError when `sessions.read` throws or does not answer within 3 seconds, or the store is unavailable
   */
  async connectionToken(request: object): Promise<SignedToken | null> {
    const { tokens } = await this.services.get();
    return tokens.ofRequest(request);
  }

  /**
   * Publishes an event to one viewer, on every node.
   *
   * @returns its cursor, or why the event is refused: an unknown feed, an invalid viewer id, an invalid payload, or a
   * rule of the feed that threw an error
   * @throws UnavailableError when the store is unavailable: nothing was published, or the reply was lost
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
   * Publishes several events, at most 1,000. Each is checked on its own; those of one topic keep their order.
   *
   * @returns one result for each event, in their order
   * @throws UnavailableError as {@link publish}, RangeError for more than 1,000 events
   */
  async publishAll<const T extends readonly unknown[]>(events: {
    readonly [K in keyof T]: LiveEvent<T[K]>;
  }): Promise<readonly PublishResult[]> {
    if (events.length > BATCH) throw new RangeError(`Publish at most ${BATCH} events at once.`);
    const named = events.map(({ feed, ...event }) => ({
      topic: typeof feed === 'string' ? feed : feed.topic.name,
      ...event,
    }));
    const services = this.services.get();
    const { publisher } = services instanceof Promise ? await services : services;
    return (await publisher.publish(named, PUBLISHER)).results;
  }

  /**
   * Ends a session: its sockets close with 4401 on every node, and its tokens are refused. Call it wherever you end a
   * session: after a sign-out, a password change or a ban.
   *
   * @throws UnavailableError when the store is unavailable: call it again; TypeError for anything that is not a session id
   */
  async revokeSession(session: string): Promise<void> {
    if (!isSessionId(session)) throw new TypeError(`revokeSession: session must be ${SESSION_ID_FORM}.`);
    const { revocations } = await this.services.get();
    return revocations.revokeSession(session);
  }

  /**
   * Ends all sockets of a viewer with 4401 on every node; tokens issued so far are refused. A session that is still
   * valid can get a new token, so end the sessions as well.
   *
   * @throws UnavailableError when the store is unavailable: call it again; TypeError for anything that is not a viewer id
   */
  async revokeViewer(viewer: ViewerId): Promise<void> {
    if (!parseViewerId(viewer)) throw new TypeError(`revokeViewer: viewer must be a viewer id: ${VIEWER_ID_FORMS}.`);
    const { revocations } = await this.services.get();
    return revocations.revokeViewer(viewer);
  }

  /**
   * Returns which viewers have open sockets, how many and since when, over all nodes.
   *
   * @returns one result for each viewer, in their order
   * @throws UnavailableError when the store is unavailable
   */
  async presence(viewers: readonly ViewerId[]): Promise<readonly ViewerPresence[]> {
    const { presences } = await this.services.get();
    const connected = new Map<ViewerId, ConnectedViewer>();
    for (let at = 0; at < viewers.length; at += BATCH)
      for (const [viewer, sockets] of await presences.among(viewers.slice(at, at + BATCH)))
        connected.set(viewer, sockets);
    return viewers.map((viewer) => {
      const { connections = 0, since = null } = connected.get(viewer) ?? {};
      return { viewer, online: connections > 0, connections, since };
    });
  }
}
