import { Inject, Injectable } from '@nestjs/common';
import { LIMITS_CONFIG, type LimitsConfig } from '../../live.config.js';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import { CloseCode } from '../../../protocol/close-code.js';
import type { ConnectionAckPayload, RefreshPongPayload } from '../../../protocol/payload.js';
import type { ContextCookies } from '../../viewer/graphql-context.js';
import type { Viewer } from '../../viewer/viewer.js';
import type { Connection } from '../connection/connection.js';
import { monotonic } from '../connection/monotonic.js';
import { ConnectionGuard } from './connection.guard.js';
import { ConnectionRegistry } from '../connection/connection-registry.js';
import { GatewayJournal } from './gateway.journal.js';

/** A socket has no answer to hang a cookie on. Mutations never run there, so nobody comes here. */
const NO_COOKIES: ContextCookies = {
  sent: undefined,
  set() {
    throw new UnavailableError('Cookies are set over HTTP only.');
  },
};

/** Carries out what the guard decides: lets a connection in, keeps it, or closes it with the right code. */
@Injectable()
export class Admissions {
  constructor(
    private readonly guard: ConnectionGuard,
    private readonly registry: ConnectionRegistry,
    private readonly journal: GatewayJournal,
    @Inject(LIMITS_CONFIG) private readonly limits: LimitsConfig,
  ) {}

  /** Called with the `connection_init` payload. Returns the ack's payload, or null where it has closed the connection. */
  async admit(
    connection: Connection,
    payload: Readonly<Record<string, unknown>>,
  ): Promise<ConnectionAckPayload | null> {
    const admission = await this.guard.admit(payload['token'], connection.facts);
    if (connection.closed) return null;
    if (!admission.ok) return refuse(connection, admission.closeCode, admission.message);
    const { viewer, expiresAtMs } = admission;
    // Whoever signed out while the token was being verified is not let in after all.
    if (this.#hasEnded(viewer)) return refuse(connection, CloseCode.Unauthorized, 'Session ended');
    if (this.registry.countOfViewer(viewer.id) >= this.limits.maxConnectionsPerViewer) {
      return refuse(connection, CloseCode.TryAgainLater, 'Too many connections of one person');
    }
    connection.context = { viewer, client: connection.facts, cookies: NO_COOKIES };
    connection.resumable = payload['resumable'] === true;
    connection.tellsPositions = connection.resumable && payload['positions'] === true;
    connection.endsAtMs = monotonic(expiresAtMs);
    connection.budget.open(performance.now());
    this.registry.admit(connection);
    this.journal.admitted(connection);
    const expiresAt = new Date(expiresAtMs).toISOString();
    return connection.resumable ? { expiresAt, resumable: true } : { expiresAt };
  }

  /** Called with a Ping that carries a token. Returns the Pong's payload, or null where it has closed the connection. */
  async refresh(connection: Connection, token: unknown): Promise<RefreshPongPayload | null> {
    const viewer = connection.context?.viewer;
    if (!viewer) return null;
    const admission = await this.guard.renew(token, connection.facts, viewer);
    if (connection.closed) return null;
    if (!admission.ok) return refuse(connection, admission.closeCode, admission.message);
    if (this.#hasEnded(viewer)) return refuse(connection, CloseCode.Unauthorized, 'Session ended');
    connection.endsAtMs = monotonic(admission.expiresAtMs);
    return { expiresAt: new Date(admission.expiresAtMs).toISOString() };
  }

  #hasEnded(viewer: Viewer): boolean {
    return viewer.kind === 'account' && this.registry.hasEnded(viewer.sessionId);
  }
}

function refuse(connection: Connection, closeCode: CloseCode, message: string): null {
  connection.close(closeCode, message);
  return null;
}
