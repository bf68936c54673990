import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { Counter, Registry } from 'prom-client';
import { LOGGER } from '../../live/logging/logger.js';
import type { Visitor } from './proxied-request.js';
import { ReplayDetector } from './replay-detector.js';
import type { VisitRefusal } from './signature/proxy-visit.js';

/** Logs and counts who came through a shop's proxy. Neither the signature nor the signed URL goes into either. */
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

  /** Called for each request that is let in. */
  admitted(visitor: Visitor): void {
    const { shop, client, signature } = visitor;
    const sighting = this.#replays.note(signature, `${client.address}\0${client.userAgent}`, performance.now());
    this.#visits.inc({ outcome: sighting === 'elsewhere' ? 'replayed' : 'admitted' });
    this.logger.debug({ shop, ...client }, 'app proxy request');
    if (sighting === 'elsewhere')
      this.logger.warn({ shop, address: client.address }, 'a signed URL came from a second client');
  }

  /** Called for each request that is not. */
  refused(reason: VisitRefusal, peer: string): void {
    this.#visits.inc({ outcome: reason });
    this.logger.warn({ reason, address: peer }, 'app proxy request refused');
  }
}
