/** The only supported subprotocol; see graphql-ws's PROTOCOL.md. */
export const SUBPROTOCOL = 'graphql-transport-ws';

/** The path of queries, mutations and the socket. Matched exactly. */
export const GRAPHQL_PATH = '/graphql';

/** What a client sends with `connection_init`. */
export interface ConnectionInitPayload {
  /** From `me`, `GET /app-proxy/token`, `POST /tokens` or `Sallyport.connectionToken`, or a trusted issuer's JWT. */
  readonly token: string;
  /** True if the client supports cursors: each Next then has one. Default false. */
  readonly resumable?: boolean;
  /** True if a resumable client supports {@link PositionPingPayload}, which is otherwise not sent. Default false. */
  readonly positions?: boolean;
}

/** What the server answers in `connection_ack`. */
export interface ConnectionAckPayload {
  /** When this connection ends unless refreshed, as an ISO 8601 instant. */
  readonly expiresAt: string;
  /** Present and true if the client asked for cursors and gets them. */
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
 * The server's Ping, sent only to clients that asked for positions, with the position where a subscription starts if
 * there is no event to send: no event published from then on is missed. The payload of the Pong is ignored.
 */
export interface PositionPingPayload {
  /** The id of the operation. */
  readonly operation: string;
  /** The cursor to resume from until the first Next. */
  readonly cursor: string;
  /** After a resume: the same value as in the first Next, which may be hours later. */
  readonly recovered?: boolean;
}

/** `extensions` of a Subscribe message. */
export interface SubscribeExtensions {
  /** The cursor of the last received event; later events are sent. */
  readonly resume?: string;
}

/** `extensions` of a Next message, only if the connection is resumable. */
export interface NextExtensions {
  /** Opaque position of this event in its topic. */
  readonly cursor?: string;
  /** On the first Next after a resume: whether every missed event was sent. */
  readonly recovered?: boolean;
}
