import type { ClientFacts } from '../../viewer/graphql-context.js';

/** What is known of the peer of a socket. */
export interface ConnectionFacts extends ClientFacts {
  /** The verified Origin of the upgrade, or null for a client that is no browser. */
  readonly origin: string | null;
  /** The id of the upgrade, in each log line of the connection. */
  readonly requestId: string;
}
