import { hash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { Counter, Registry } from 'prom-client';
import { LOGGER } from '../../live/logging/logger.js';
import type { Visitor } from './proxied-request.js';
import { type VisitRefusal, FRESHNESS_SECONDS } from './signature/proxy-visit.js';

const REMEMBERED_MS = 2 * FRESHNESS_SECONDS * 1000;

/**
 * `again`: the same client, as with two tabs in one second. `elsewhere`: another client presents the same signature.
 */
export type SignatureUse = 'first' | 'again' | 'elsewhere';

/**
 * Detects signed URLs that are used twice while they are valid. The signature has no nonce, so nothing is refused: a
 * replay yields a token for the sender's own client. For the log and a metric only. Each node sees only its own
 * requests; at most 10,000 are kept, each as two hashes.
 */
export class ReplayDetector {
  /** By signature. The client's hash, because a user agent can be as long as a request's header. */
  readonly #seen = new Map<string, { readonly clientHash: string; readonly atMs: number }>();

  constructor(private readonly capacity = 10_000) {}

  /** Records one verified signature. */
  note(signature: string, client: string, nowMs: number): SignatureUse {
    const clientHash = hash('sha256', client, 'base64url');
    const known = this.#seen.get(signature);
    if (known && nowMs - known.atMs <= REMEMBERED_MS) return known.clientHash === clientHash ? 'again' : 'elsewhere';
    this.#forget(nowMs);
    this.#seen.set(signature, { clientHash, atMs: nowMs });
    return 'first';
  }

  #forget(nowMs: number): void {
    for (const [signature, { atMs }] of this.#seen) {
      if (this.#seen.size < this.capacity && nowMs - atMs <= REMEMBERED_MS) return;
      this.#seen.delete(signature);
    }
  }
}

/** Logs and counts requests through a shop's proxy, without the signature or the signed URL. */
@Injectable()
export class VisitAudit {
  readonly #replays = new ReplayDetector();
  readonly #visits: Counter<'outcome'>;

  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    registry: Registry,
  ) {
    this.#visits = new Counter({
      name: 'sallyport_app_proxy_requests_total',
      help: 'Requests to /app-proxy by outcome: admitted, replayed, or the reason of a refusal',
      labelNames: ['outcome'],
      registers: [registry],
    });
  }

  /** Called for each admitted request. */
  admitted(visitor: Visitor): void {
    const { shop, client, signature } = visitor;
    const use = this.#replays.note(signature, `${client.address}\0${client.userAgent}`, performance.now());
    this.#visits.inc({ outcome: use === 'elsewhere' ? 'replayed' : 'admitted' });
    this.logger.debug({ shop, ...client }, 'app proxy request');
    if (use === 'elsewhere')
      this.logger.warn({ shop, address: client.address }, 'a signed URL came from a second client');
  }

  /** Called for each refused request. */
  refused(reason: VisitRefusal, peer: string): void {
    this.#visits.inc({ outcome: reason });
    this.logger.warn({ reason, address: peer }, 'app proxy request refused');
  }
}
