import { readFileSync } from 'node:fs';

/** What the process needs beside connections: stores, files, timers, and the listening sockets themselves. */
const RESERVED = 100;
/** HTTP connections are short: more of them at the same time are an attack, or a crowd that is served one after the other. */
const MOST_HTTP = 4096;
/** A share of what is left goes to HTTP, the rest to WebSockets. */
const HTTP_SHARE = 1 / 4;

/** How the file descriptors of the process are shared out. A process without a free one can answer nobody, not even `/healthz`. */
export interface DescriptorBudget {
  /** Connections that speak HTTP. */
  readonly http: number;
  /** Connections that have become WebSockets. */
  readonly sockets: number;
  /** All connections together, those that are about to become WebSockets included: beyond it none is even accepted. */
  readonly ceiling: number;
}

/**
 * Shares out descriptors between HTTP and WebSockets.
 *
 * @param limit the most that the process may open; Infinity where it is not known
 */
export function shareDescriptors(limit: number): DescriptorBudget {
  const free = Math.max(limit - RESERVED, 2);
  const http = Math.min(MOST_HTTP, Math.max(1, Math.floor(free * HTTP_SHARE)));
  return { http, sockets: free - http, ceiling: free + RESERVED / 2 };
}

/** The most descriptors that this process may open (`ulimit -n`), as Linux tells it; Infinity elsewhere. */
export function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}
