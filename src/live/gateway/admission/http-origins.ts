import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../../logging/logger.js';
import { cutOrigin, isAllowedOrigin, OriginPolicy } from './origin.policy.js';

/**
 * How many origins are remembered as logged. Origin headers are easy to invent, so memory and the log must be bounded.
 */
const MAX_LOGGED = 1_000;

/**
 * Decides which pages may call over HTTP with credentials. A refused page sees only "Failed to fetch", so the reason
 * and the setting to change are logged, once per origin.
 */
@Injectable()
export class HttpOrigins {
  readonly #logged = new Set<string>();

  constructor(
    private readonly policy: OriginPolicy,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Called for a preflight and again for the request itself. @param header the Origin header as received */
  async allow(header: string): Promise<boolean> {
    const allowed = await isAllowedOrigin(this.policy, header, 'http');
    if (!allowed) this.#logRefused(cutOrigin(header));
    return allowed;
  }

  #logRefused(origin: string): void {
    if (this.#logged.size > MAX_LOGGED || this.#logged.has(origin)) return;
    this.#logged.add(origin);
    if (this.#logged.size > MAX_LOGGED)
      this.logger.warn({ event: 'origin-refused' }, 'More origins were refused than are logged one by one.');
    else
      this.logger.warn(
        { event: 'origin-refused', origin },
        'Pages of this origin may not call this server. If they are yours, add the origin to ALLOWED_ORIGINS.',
      );
  }
}
