import type { FormattedExecutionResult, Sink } from 'graphql-ws';
import { createLiveClient, type LiveClient, type LiveClientOptions } from './live-client.js';
import { callApplication, page } from './platform.js';
import { tokenFromUrl } from './token-endpoints.js';

/** The options of {@link startLive}; a page behind the app proxy has them in its own markup. */
export interface StartLiveOptions extends Pick<LiveClientOptions, 'webSocketImpl' | 'onState' | 'onGap'> {
  /** The server's GraphQL endpoint, absolute: the socket connects directly to it, not through the shop's proxy. */
  readonly url: string;
  /**
   * The URL of new tokens, through the shop's proxy: `GET` returns `{ token, expiresAt }`, or 401 if no customer is
   * logged in.
   */
  readonly tokenUrl: string;
  /** The token in the page, used for the first connection, so that it opens without another request. */
  readonly token?: string;
  /** When that token expires, as an ISO 8601 instant. An expired token is not used. */
  readonly expiresAt?: string;
  /**
   * Where the browser is redirected when the customer is no longer logged in. Default: no redirect, and `onSignedOut`
   * is called.
   */
  readonly loginUrl?: string;
  readonly onSignedOut?: () => void;
}

/** A started page. */
export interface Live {
  readonly client: LiveClient;
  /**
   * Subscribes to one document; `onData` gets each value's `data`.
   *
   * @param onError called with what ended the subscription permanently: GraphQL errors or a close event. Default:
   * nothing
   * @returns a function that ends the subscription
   */
  subscribe(
    query: string,
    onData: (data: Record<string, unknown>) => void,
    onError?: (error: unknown) => void,
  ): () => void;
  /** Ends everything; {@link startLive} may then be called again. */
  stop(): Promise<void>;
}

const STARTED = Symbol.for('sallyport-client.live');
const globals = globalThis as { [STARTED]?: Live | undefined };

/**
 * Starts a live connection for a page that has a token and no cookie. There is one per page: later calls return the
 * first call's handle, even from a second copy of the script.
 */
export function startLive(options: StartLiveOptions): Live {
  globals[STARTED] ??= start(options);
  return globals[STARTED];
}

function start(options: StartLiveOptions): Live {
  const { tokenUrl, token, expiresAt, loginUrl, onSignedOut, ...rest } = options;
  let first = token;
  const fetchToken = tokenFromUrl(tokenUrl);
  const client = createLiveClient({
    ...rest,
    getToken: async (context) => {
      const given = isPast(expiresAt) ? undefined : first;
      first = undefined;
      return given || fetchToken(context);
    },
    onSignedOut: () => {
      callApplication(() => onSignedOut?.());
      if (loginUrl !== undefined) page.location?.assign?.(loginUrl);
    },
  });
  const live: Live = {
    client,
    subscribe: (query, onData, onError = () => {}) => client.subscribe({ query }, dataSink(onData, onError)),
    stop: async () => {
      if (globals[STARTED] === live) globals[STARTED] = undefined;
      await client.dispose();
    },
  };
  return live;
}

function dataSink(
  onData: (data: Record<string, unknown>) => void,
  onError: (error: unknown) => void,
): Sink<FormattedExecutionResult> {
  return {
    next: ({ data, errors }) => {
      if (data) onData(data);
      else if (errors) onError(errors);
    },
    error: onError,
    complete: () => {},
  };
}

function isPast(instant: string | undefined): boolean {
  return instant !== undefined && Date.parse(instant) <= Date.now();
}
