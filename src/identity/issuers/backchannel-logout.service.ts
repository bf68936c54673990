import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../live/logging/audit-log.js';
import { externalSession } from '../../live/sessions/external-session.js';
import { TokenRevocations } from '../../live/sessions/token-revocations.js';
import { TokenReplayStore } from '../../live/tokens/token-replay.store.js';
import { externalViewer, type ExternalViewer } from '../../live/viewer/external-viewer.js';
import { earliestTime, type IssuerClaims, readUnverified, verifyIssuerToken } from './issuer-token.js';
import { TrustedIssuers } from './trusted-issuers.service.js';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** The accepted types of a logout token: its own, or none (Back-Channel Logout 1.0 §2.4). */
const LOGOUT_TYPES: ReadonlySet<string> = new Set(['jwt', 'logout+jwt']);
/** The longest lifetime of a logout token, in seconds. The specification recommends two minutes. */
const MAX_LIFE_SECONDS = 3_600;
const MAX_JTI_LENGTH = 500;

/** Why a logout token is refused. */
export type LogoutRefusal = 'malformed' | 'invalid' | 'expired' | 'no-logout' | 'used';

/** The result for a logout token. */
export type LogoutOutcome = { readonly ok: true } | { readonly ok: false; readonly reason: LogoutRefusal };

/** What a logout token ends. */
interface Logout {
  readonly viewer: ExternalViewer | null;
  readonly session: string | null;
  readonly jti: string;
}

/** Implements OpenID Connect Back-Channel Logout 1.0. */
@Injectable()
export class BackchannelLogout {
  constructor(
    private readonly issuers: TrustedIssuers,
    private readonly revocations: TokenRevocations,
    private readonly used: TokenReplayStore,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Verifies a logout token (§2.6) and ends what it names: with `sid` that session and, if `sub` is present as well,
   * that user's tokens that name no session; with `sub` alone everything of that user.
   *
   * @param address the sender's, for the audit log
   * @throws UnavailableError when a store is unavailable or the issuer's keys are not known: the issuer may retry
   */
  async carryOut(token: string, address: string): Promise<LogoutOutcome> {
    const outcome = await this.#carryOut(token, address);
    if (!outcome.ok) this.audit.record('logout-token-refused', { address, reason: outcome.reason });
    return outcome;
  }

  async #carryOut(token: string, address: string): Promise<LogoutOutcome> {
    const unverified = readUnverified(token);
    if (!unverified) return { ok: false, reason: 'malformed' };
    const issuer = this.issuers.find(unverified.payload.iss);
    if (!issuer) return { ok: false, reason: 'invalid' };
    const expected = { ...issuer, audience: issuer.clientId, maxLifeSeconds: MAX_LIFE_SECONDS };
    const reading = await verifyIssuerToken(token, unverified, expected, issuer.keys, LOGOUT_TYPES);
    if (!reading.ok) return reading;
    const logout = logoutOf(reading.claims, issuer.source);
    if (!logout) return { ok: false, reason: 'no-logout' };
    await this.#end(logout, earliestTime(reading.claims));
    // Only after the logout, which is idempotent, so that a token whose logout failed can be sent again.
    if (!(await this.used.claim(replayKey(issuer.source, logout.jti), Math.ceil(reading.claims.exp))))
      return { ok: false, reason: 'used' };
    const about = {
      viewer: logout.viewer?.id ?? null,
      ...(logout.session === null ? {} : { session: logout.session }),
    };
    this.audit.record('session-ended', { ...about, reason: 'backchannel-logout', by: 'issuer', address });
    return { ok: true };
  }

  async #end({ viewer, session }: Logout, issuedUntil: Date): Promise<void> {
    if (session === null) {
      if (viewer) await this.revocations.revokeViewer(viewer.id, issuedUntil);
      return;
    }
    await this.revocations.revokeSession(session);
    if (viewer) await this.revocations.revokeWithoutSession(viewer.id, issuedUntil);
  }
}

/** §2.4: `sub` or `sid`, the event, a `jti` and no `nonce`. Null for any other token. */
function logoutOf(claims: IssuerClaims, source: string): Logout | null {
  const { sub, sid, jti, events } = claims;
  if ('nonce' in claims || !isLogoutEvent(events)) return null;
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) return null;
  if (sub === undefined && sid === undefined) return null;
  const viewer = typeof sub === 'string' ? externalViewer(source, sub) : null;
  const session = typeof sid === 'string' ? externalSession(source, sid) : null;
  if ((sub !== undefined && !viewer) || (sid !== undefined && session === null)) return null;
  return { viewer, session, jti };
}

function isLogoutEvent(events: unknown): boolean {
  if (typeof events !== 'object' || events === null || !Object.hasOwn(events, EVENT)) return false;
  const event: unknown = (events as Record<string, unknown>)[EVENT];
  return typeof event === 'object' && event !== null && !Array.isArray(event);
}

/** Different issuers may use the same id. */
function replayKey(source: string, jti: string): string {
  return `logout-${hash('sha256', `${source}\n${jti}`, 'base64url')}`;
}
