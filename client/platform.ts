/** The part of a WebSocket that graphql-ws and this library use: the browser's own, or `ws` on Node. */
export interface SocketLike {
  readonly readyState: number;
  onopen: ((event?: unknown) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: CloseNotice) => void) | null;
  onerror: ((event: unknown) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

/** The fields of a close event (RFC 6455 §7.1.5 and §7.1.6). */
export interface CloseNotice {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** A class that opens sockets. */
export interface SocketClass {
  new (url: string, protocols?: string | string[]): SocketLike;
}

interface PageLike {
  readonly WebSocket?: SocketClass;
  readonly navigator?: { readonly onLine?: boolean };
  readonly document?: { readonly visibilityState: string } & EventTarget;
  readonly location?: { readonly href: string; readonly assign?: (url: string) => void };
  readonly addEventListener?: EventTarget['addEventListener'];
  readonly removeEventListener?: EventTarget['removeEventListener'];
}

/** The page's globals, each of which may be absent: Node and workers have only some. */
export const page = globalThis as unknown as PageLike;

/**
 * Calls the application. What it throws is reported as an uncaught exception, since the connection and every other
 * subscription have to go on.
 */
export function callApplication(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** False only if the browser knows that there is no network. */
export function isOnline(): boolean {
  return page.navigator?.onLine !== false;
}

/** Whether the page may be visible: false for a hidden tab, and outside a browser. */
export function isShown(): boolean {
  return page.document?.visibilityState === 'visible';
}

/**
 * Calls `listener` whenever a page's environment may have changed: network lost or restored, tab shown again, page
 * restored from the back-forward cache, laptop awake.
 *
 * @returns a function that stops listening. Does nothing without a page
 */
export function watchPage(listener: () => void): () => void {
  const { document } = page;
  const whenShown = (): void => {
    if (isShown()) listener();
  };
  for (const event of ['online', 'offline', 'pageshow']) page.addEventListener?.(event, listener);
  document?.addEventListener('visibilitychange', whenShown);
  return () => {
    for (const event of ['online', 'offline', 'pageshow']) page.removeEventListener?.(event, listener);
    document?.removeEventListener('visibilitychange', whenShown);
  };
}

/**
 * Creates an absolute URL. One that is absolute stays as it is: React Native's own `URL` appends a slash.
 *
 * @throws TypeError for a path where there is no page
 */
export function absoluteUrl(url: string): string {
  const { href } = new URL(url, page.location?.href);
  return /^\w+:/.test(url) ? url : href;
}

/**
 * Creates an absolute `ws:` or `wss:` URL from a path, an `http(s):` or a `ws(s):` URL.
 *
 * @throws TypeError for anything else, and for a path where there is no page
 */
export function socketUrl(url: string): string {
  try {
    const absolute = absoluteUrl(url).replace(/^(http|ws)/i, 'ws');
    if (/^wss?:/i.test(absolute)) return absolute;
  } catch {}
  throw new TypeError(`Invalid url: ${url}`);
}
