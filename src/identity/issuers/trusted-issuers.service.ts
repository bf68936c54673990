import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { Counter, Registry } from 'prom-client';
import { LOGGER } from '../../live/logging/logger.js';
import { ISSUERS_CONFIG, type IssuersConfig, type TrustedIssuer } from '../identity.config.js';
import { IssuerKeys } from './issuer-keys.js';

/** An issuer and its keys. */
export interface KnownIssuer extends TrustedIssuer {
  readonly keys: IssuerKeys;
}

/** The issuers of `TRUSTED_ISSUERS`. Their keys are fetched at start, without waiting for them. */
@Injectable()
export class TrustedIssuers implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #byIssuer: ReadonlyMap<string, KnownIssuer>;

  constructor(
    @Inject(ISSUERS_CONFIG) { issuers }: IssuersConfig,
    metrics: Registry,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const fetches = new Counter({
      name: 'sallyport_issuer_key_fetches_total',
      help: 'Fetches of the keys of a trusted issuer, by source and outcome: ok or failed.',
      labelNames: ['source', 'outcome'],
      registers: [metrics],
    });
    this.#byIssuer = new Map(
      issuers.map((issuer) => {
        const log = this.#log(issuer.source);
        // The first of each must be an increase for Prometheus too.
        for (const outcome of ['ok', 'failed']) fetches.inc({ source: issuer.source, outcome }, 0);
        const keys = new IssuerKeys(issuer, (reason) => {
          fetches.inc({ source: issuer.source, outcome: reason === null ? 'ok' : 'failed' });
          log(reason);
        });
        return [issuer.issuer, { ...issuer, keys }];
      }),
    );
  }

  get hasAny(): boolean {
    return this.#byIssuer.size > 0;
  }

  /** The issuer whose `iss` is exactly this. */
  find(iss: unknown): KnownIssuer | null {
    return typeof iss === 'string' ? (this.#byIssuer.get(iss) ?? null) : null;
  }

  onApplicationBootstrap(): void {
    for (const { keys } of this.#byIssuer.values()) void keys.warm();
  }

  onApplicationShutdown(): void {
    for (const { keys } of this.#byIssuer.values()) keys.close();
  }

  /** Logs each change once. */
  #log(source: string): (reason: string | null) => void {
    let failing = false;
    return (reason) => {
      if (reason === null && failing) this.logger.info({ source }, "an issuer's keys can be fetched again");
      if (reason !== null && !failing)
        this.logger.warn({ source, reason }, "an issuer's keys could not be fetched: known ones stay in use");
      failing = reason !== null;
    };
  }
}
