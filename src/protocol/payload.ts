/** The one sub-protocol that is spoken; see graphql-ws's PROTOCOL.md. */
export const SUBPROTOCOL = 'graphql-transport-ws';

/** Where queries, mutations and the socket live. Matched exactly. */
export const GRAPHQL_PATH = '/graphql';

/** What a client sends with `connection_init`. */
export interface ConnectionInitPayload {
  /** The token from `me`, or from `GET /app-proxy/token`. */
  readonly token: string;
  /** True when the client understands cursors: each Next then carries one. Default false. */
  readonly resumable?: boolean;
  /** True when a resumable client understands {@link PositionPingPayload}: it never comes unasked. Default false. */
  readonly positions?: boolean;
}

/** What the server answers in `connection_ack`. */
export interface ConnectionAckPayload {
  /** When this connection ends unless refreshed, as an ISO 8601 instant. */
  readonly expiresAt: string;
  /** Present and true when the client asked for cursors and gets them. */
  readonly resumable?: true;
}

/** A client's Ping that refreshes the connection in band. */
export interface RefreshPingPayload {
  /** A new token of the same viewer and session. */
  readonly token: string;
}

/** The Pong that answers a refresh. Any other Ping gets a Pong without payload. */
export interface RefreshPongPayload {
  /** The connection's new end, as an ISO 8601 instant. */
  readonly expiresAt: string;
}

/**
 * The server's Ping, to clients that asked for positions only, that tells where a subscription begins when no event is there to tell it:
 * nothing published from now on is missed. The Pong to it may say anything.
 */
export interface PositionPingPayload {
  /** The id of the operation. */
  readonly operation: string;
  /** What to resume from as long as no Next has come. */
  readonly cursor: string;
  /** After a resume: what the first Next will say. Told here already, since that may be hours away. */
  readonly recovered?: boolean;
}

/** `extensions` of a Subscribe message. */
export interface SubscribeExtensions {
  /** The cursor of the last event received: send what came after it. */
  readonly resume?: string;
}

/** `extensions` of a Next message, only where the connection is resumable. */
export interface NextExtensions {
  /** Opaque position of this event in its topic. */
  readonly cursor?: string;
  /** On the first Next after a resume: whether every missed event was sent. */
  readonly recovered?: boolean;
}
