import { readFileSync } from 'node:fs';

/** Descriptors that the process needs besides connections: stores, files, timers, and the listening sockets. */
const RESERVED = 100;
/**
 * The most HTTP connections. They are short, so more at the same time are an attack, or a burst that is served in
 * sequence.
 */
const MOST_HTTP = 4096;
/** The share of the remaining descriptors for HTTP; the rest is for WebSockets. */
const HTTP_SHARE = 1 / 4;

/**
 * How the process's file descriptors are divided. A process without a free one cannot answer any request, not even
 * `/healthz`.
 */
export interface DescriptorBudget {
  /** Connections that speak HTTP. */
  readonly http: number;
  /** Connections that have become WebSockets. */
  readonly sockets: number;
  /** All connections together, those that are about to become WebSockets included: beyond it none is accepted. */
  readonly ceiling: number;
}

/**
 * Divides descriptors between HTTP and WebSockets.
 *
 * @param limit the most that the process may open; Infinity if unknown
 */
export function shareDescriptors(limit: number): DescriptorBudget {
  const free = Math.max(limit - RESERVED, 2);
  const http = Math.min(MOST_HTTP, Math.max(1, Math.floor(free * HTTP_SHARE)));
  return { http, sockets: free - http, ceiling: free + RESERVED / 2 };
}

/** The most descriptors that this process may open (`ulimit -n`), as reported by Linux; Infinity elsewhere. */
export function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}
