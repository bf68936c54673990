import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../../logging/logger.js';
import { cutOrigin, isAllowedOrigin, OriginPolicy } from './origin.policy.js';

/**
 * How many origins are remembered as logged. Origin headers are easy to invent, so memory and the log must be bounded.
 */
const MAX_LOGGED = 1_000;

/**
 * Why a request without `Origin` is refused: the browser says that it comes from another site, or it has a cookie and no
 * header that says where it comes from.
 */
export type NoOriginRefusal = 'other-site' | 'no-origin';

const NO_ORIGIN_HINTS: Readonly<Record<NoOriginRefusal, string>> = {
  'other-site': 'Pages of other sites may not call this server. If one is yours, add its origin to ALLOWED_ORIGINS.',
  'no-origin': 'A request with a cookie must send Origin, or Apollo-Require-Preflight.',
};

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
    if (!allowed)
      this.#logRefused(
        { origin: cutOrigin(header) },
        'Pages of this origin may not call this server. If they are yours, add the origin to ALLOWED_ORIGINS.',
      );
    return allowed;
  }

  /** Called when a request without `Origin` is refused: logs it, once per reason. */
  refused(reason: NoOriginRefusal): void {
    this.#logRefused({ origin: null, reason }, NO_ORIGIN_HINTS[reason]);
  }

  #logRefused(facts: { readonly origin: string | null; readonly reason?: NoOriginRefusal }, hint: string): void {
    const key = JSON.stringify(facts);
    if (this.#logged.size > MAX_LOGGED || this.#logged.has(key)) return;
    this.#logged.add(key);
    if (this.#logged.size > MAX_LOGGED)
      this.logger.warn({ event: 'origin-refused' }, 'More origins were refused than are logged one by one.');
    else this.logger.warn({ event: 'origin-refused', ...facts }, hint);
  }
}
