import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { Counter } from 'prom-client';
import { TOKEN_REFUSALS, type TokenRefusal } from '../connection-authenticator.js';
import type { ConnectionFacts, Connection } from '../connection/connection.js';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import { AuditLog } from '../../logging/audit-log.js';
import { LOGGER } from '../../logging/logger.js';
import { CloseCode } from '../../../protocol/close-code.js';
import { cutOrigin } from './origin.policy.js';
import type { UpgradeRefusal } from './upgrade-refusal.js';
import { MetricsRegistry } from '../../metrics-registry.js';

/**
 * The codes that are counted separately: ours, 1001 (going away), 1005 (a Close frame without a code) and 1006 (no Close
 * frame).
 */
const KNOWN_CODES: ReadonlySet<number> = new Set([...Object.values(CloseCode), 1001, 1005, 1006]);

const REFUSALS: readonly UpgradeRefusal['status'][] = [400, 403, 404, 405, 426, 429, 503];

/** Logs and counts connections that are admitted, refused or closed: one log line with viewer, address and reason. */
@Injectable()
export class GatewayMetrics {
  readonly #upgradesRefused: Counter<'status'>;
  readonly #closed: Counter<'code'>;
  readonly #tokensRefused: Counter<'reason'>;

  constructor(
    metrics: MetricsRegistry,
    private readonly audit: AuditLog,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const registers = [metrics];
    this.#upgradesRefused = new Counter({
      name: 'sallyport_upgrades_refused_total',
      help: 'Upgrades answered with plain HTTP, by status.',
      labelNames: ['status'],
      registers,
    });
    this.#closed = new Counter({
      name: 'sallyport_sockets_closed_total',
      help: "Closed sockets by close code: the one that this side sent, else the peer's.",
      labelNames: ['code'],
      registers,
    });
    this.#tokensRefused = new Counter({
      name: 'sallyport_sockets_refused_total',
      help: 'Sockets that were not admitted, or closed at a refresh, by why their token was refused.',
      labelNames: ['reason'],
      registers,
    });
    // The first of each must be an increase for Prometheus too.
    for (const status of REFUSALS) this.#upgradesRefused.inc({ status }, 0);
    for (const code of KNOWN_CODES) this.#closed.inc({ code }, 0);
    for (const reason of TOKEN_REFUSALS) this.#tokensRefused.inc({ reason }, 0);
  }

  /** An upgrade was answered with plain HTTP. */
  upgradeRefused({ status, message }: UpgradeRefusal, { address, origin, requestId }: ConnectionFacts): void {
    this.#upgradesRefused.inc({ status });
    this.logger.info(
      { requestId, event: 'upgrade-refused', status, reason: message, address, origin: cutOrigin(origin) },
      'upgrade refused',
    );
  }

  /** An upgrade could not be handled because of a server error. */
  upgradeFailed({ address, requestId }: ConnectionFacts, error: unknown): void {
    this.logger.error({ requestId, err: error, address }, 'an upgrade failed');
  }

  /** A token was refused, at the start or at a refresh. */
  tokenRefused(reason: TokenRefusal, { address, origin, requestId }: ConnectionFacts): void {
    this.#tokensRefused.inc({ reason });
    const entry = { viewer: null, address, reason, by: 'stranger', origin: cutOrigin(origin) } as const;
    this.logger.info({ requestId, event: 'socket-refused', ...entry }, 'socket refused');
    this.audit.store('socket-refused', entry);
  }

  /** A viewer was admitted. */
  admitted({ viewerId, facts: { address, origin, requestId } }: Connection): void {
    const entry = { viewer: viewerId, address, reason: null, by: 'owner', origin: cutOrigin(origin) } as const;
    this.logger.info({ requestId, event: 'socket-opened', ...entry }, 'socket admitted');
    this.audit.store('socket-opened', entry);
  }

  /**
   * A socket has closed, with the code that this side sent or else the peer's. A peer may send arbitrary codes, so
   * unknown ones are counted together.
   */
  closed({ viewerId, closeCode, facts: { address, origin, requestId } }: Connection, received: number): void {
    const code = closeCode ?? received;
    this.#closed.inc({ code: KNOWN_CODES.has(code) ? code : 'other' });
    this.logger.info(
      { requestId, event: 'socket-closed', code, viewer: viewerId, address, origin: cutOrigin(origin) },
      'socket closed',
    );
  }

  /** A peer broke the WebSocket protocol, or its network broke. */
  failed({ facts: { address, requestId } }: Connection, error: Error): void {
    this.logger.info({ requestId, reason: error.message, address }, 'socket failed');
  }

  /** A message could not be handled because of a server error. */
  messageFailed({ facts: { address, requestId } }: Connection, error: unknown): void {
    if (error instanceof UnavailableError)
      this.logger.warn({ requestId, address }, 'a message failed: a store is unavailable');
    else this.logger.error({ requestId, err: error, address }, 'a message failed');
  }
}
