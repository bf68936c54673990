import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../../logging/logger.js';
import { cutOrigin, isAllowedOrigin, OriginPolicy } from './origin.policy.js';

/** Origins that are remembered as told. An Origin header costs nothing to invent, so neither memory nor the log may grow with them. */
const MAX_TOLD = 1_000;

/**
 * Which pages may call over HTTP with credentials. A page that may not sees "Failed to fetch" and no reason, so the log says it,
 * once for each origin, with what to set.
 */
@Injectable()
export class HttpOrigins {
  readonly #told = new Set<string>();

  constructor(
    private readonly policy: OriginPolicy,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Asked for a preflight and again for the request itself. @param header the Origin header as it came */
  async allow(header: string): Promise<boolean> {
    const allowed = await isAllowedOrigin(this.policy, header, 'http');
    if (!allowed) this.#tell(cutOrigin(header));
    return allowed;
  }

  #tell(origin: string): void {
    if (this.#told.size > MAX_TOLD || this.#told.has(origin)) return;
    this.#told.add(origin);
    if (this.#told.size > MAX_TOLD)
      this.logger.warn({ event: 'origin-refused' }, 'More origins were refused than are logged one by one.');
    else
      this.logger.warn(
        { event: 'origin-refused', origin },
        'Pages of this origin may not call this server. If they are yours, add the origin to ALLOWED_ORIGINS.',
      );
  }
}
