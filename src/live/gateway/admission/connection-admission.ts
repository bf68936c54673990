import { Inject, Injectable } from '@nestjs/common';
import { GATEWAY_CONFIG, type GatewayConfig } from '../../live.config.js';
import { CloseCode } from '../../../protocol/close-code.js';
import type { ConnectionAckPayload, RefreshPongPayload } from '../../../protocol/payload.js';
import type { ContextCookies, GraphqlContext } from '../../viewer/graphql-context.js';
import type { ViewerId } from '../../viewer/viewer.js';
import type { Grant } from '../connection-authenticator.js';
import type { Connection } from '../connection/connection.js';
import { ConnectionPolicy, type Refusal } from './connection.policy.js';
import { ConnectionRegistry } from '../connection/connection-registry.js';
import { NodeCapacity } from './node-capacity.js';

/** A socket has no response that could set a cookie. */
const NO_COOKIES: ContextCookies = {
  sent: undefined,
  set() {
    throw new Error('A socket has no response that could set a cookie: set it over HTTP.');
  },
};

const SESSION_ENDED: Refusal = { ok: false, closeCode: CloseCode.Unauthorized, message: 'Session ended' };
const TOO_MANY: Refusal = {
  ok: false,
  closeCode: CloseCode.TryAgainLater,
  message: 'Too many connections of one viewer',
};

/** Applies the policy's decision: admits a connection, keeps it, or closes it with the right code. */
@Injectable()
export class ConnectionAdmission {
  constructor(
    private readonly policy: ConnectionPolicy,
    private readonly registry: ConnectionRegistry,
    private readonly capacity: NodeCapacity,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {}

  /** Called with the `connection_init` payload. Returns the ack's payload, or null if it closed the connection. */
  async admit(
    connection: Connection,
    payload: Readonly<Record<string, unknown>>,
  ): Promise<ConnectionAckPayload | null> {
    const admission = await this.policy.admit(payload['token'], connection.facts);
    if (connection.closed) return null;
    if (!admission.ok) return refuse(connection, admission);
    const { grant, authenticator } = admission;
    const { viewer } = grant;
    const client = connection.facts;
    const { context: extraFields } = this.config;
    const own: GraphqlContext = { viewer, client, cookies: NO_COOKIES };
    const context = extraFields ? { ...(await extraFields({ viewer, client })), ...own } : own;
    if (connection.closed) return null;
    const refused = () => this.#hasEnded(grant) ?? this.#isFullFor(viewer.id);
    let refusal = refused();
    if (!refusal && grant.claim) {
      refusal = (await this.policy.claim(grant, client)) ?? refused();
      if (connection.closed) return null;
    }
    // Nothing is awaited from the last check to the admission.
    if (refusal) return refuse(connection, refusal);
    const resumable = payload['resumable'] === true;
    const sendsPositions = resumable && payload['positions'] === true;
    connection.admit({ grant, authenticator, context, resumable, sendsPositions });
    this.registry.admit(connection);
    const expiresAt = grant.expiresAt.toISOString();
    return resumable ? { expiresAt, resumable: true } : { expiresAt };
  }

  /** Called with a Ping that carries a token. Returns the Pong's payload, or null if it closed the connection. */
  async refresh(connection: Connection, token: unknown): Promise<RefreshPongPayload | null> {
    if (connection.state !== 'admitted') return null;
    const admission = await this.policy.renew(token, connection);
    if (connection.closed) return null;
    if (!admission.ok) return refuse(connection, admission);
    const { grant } = admission;
    const refusal =
      this.#hasEnded(grant) ?? (await this.policy.claim(grant, connection.facts)) ?? this.#hasEnded(grant);
    if (connection.closed) return null;
    if (refusal) return refuse(connection, refusal);
    connection.renew(grant);
    return { expiresAt: grant.expiresAt.toISOString() };
  }

  /** The session may have ended since the token was verified. */
  #hasEnded(grant: Grant): Refusal | null {
    return this.registry.hasEnded(grant) ? SESSION_ENDED : null;
  }

  #isFullFor(viewer: ViewerId): Refusal | null {
    return this.capacity.isFullFor(viewer) ? TOO_MANY : null;
  }
}

function refuse(connection: Connection, { closeCode, message }: Refusal): null {
  connection.close(closeCode, message);
  return null;
}
