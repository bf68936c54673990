/**
 * The WebSocket close codes this server sends, and how the client should react.
 *
 * Codes below 4000 are registered with IANA (RFC 6455 §7.4); 44xx belong to `graphql-transport-ws`. An unmodified
 * graphql-ws client stops permanently on those marked "stops" and reconnects on the others.
 */
export const CloseCode = {
  /** The client closed the connection. */
  Normal: 1000,
  /** A frame that breaks RFC 6455. Stops. */
  ProtocolError: 1002,
  /** Text that is not UTF-8. Stops. */
  InvalidPayload: 1007,
  /**
   * Abuse: too many messages, frames of one message, operations or new documents, or too much memory held by
   * subscriptions. Stops.
   */
  PolicyViolation: 1008,
  /** A message over 64 KiB, over 32 KiB before the ack. Stops. */
  MessageTooBig: 1009,
  /** An internal error; the server's log has the cause. Stops, since a retry usually fails again. */
  InternalError: 1011,
  /** This node is restarting. Retries. */
  ServiceRestart: 1012,
  /** Overloaded, or a store is unavailable. Retries. */
  TryAgainLater: 1013,
  /** A malformed message, or one that only a server may send. Stops. */
  BadRequest: 4400,
  /** The session has ended: sign in again. Also Subscribe before the ack. Stops. */
  Unauthorized: 4401,
  /** Token missing, invalid, expired or not for this client: fetch a new one. Retries. */
  Forbidden: 4403,
  /** No `connection_init` within 3 s, or no ack within 5 s. Retries. */
  ConnectionInitialisationTimeout: 4408,
  /** The id of a running operation was reused. Stops. */
  SubscriberAlreadyExists: 4409,
  /** The reader is too slow, or events were lost inside the server: reconnect and resume. Retries. */
  ReaderTooSlow: 4413,
  /** A second connection_init. Stops. */
  TooManyInitialisationRequests: 4429,
} as const;

/** One of {@link CloseCode}'s numbers. */
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];
