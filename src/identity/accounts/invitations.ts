import { hash, randomBytes, randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { REGISTRATION_CONFIG, type RegistrationConfig } from '../identity.config.js';
import { BadUserInputError, ForbiddenError } from '../../live/errors/sallyport.errors.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { type Invitation, InvitationStore } from './invitation.store.js';

const CODE_BYTES = 16;
/** 16 bytes in base64url, without padding (RFC 4648 §5). */
const CODE = /^[A-Za-z0-9_-]{22}$/;
const DAY_MS = 86_400_000;

/** A new invitation. */
export interface NewInvitation extends Invitation {
  /** The code for the invited user; not stored. */
  readonly code: string;
}

/**
 * Who may register, by `REGISTRATION`: everyone, holders of an invitation, or no one. An invitation is valid for one
 * account.
 */
@Injectable()
export class Invitations {
  constructor(
    private readonly store: InvitationStore,
    private readonly audit: AuditLog,
    @Inject(REGISTRATION_CONFIG) private readonly registration: RegistrationConfig,
  ) {}

  /** Creates an invitation. Its code is returned only here. Also removes expired ones. */
  async create(days: number): Promise<NewInvitation> {
    const code = randomBytes(CODE_BYTES).toString('base64url');
    const createdAt = new Date();
    const invitation = { id: randomUUID(), createdAt, expiresAt: new Date(createdAt.getTime() + days * DAY_MS) };
    await this.store.removeExpired();
    await this.store.add(invitation, hashOf(code));
    this.audit.record('invitation-created', { by: 'operator', name: invitation.id });
    return { ...invitation, code };
  }

  /** All open invitations, without their codes. */
  list(): Promise<readonly Invitation[]> {
    return this.store.list(new Date());
  }

  /** Revokes an invitation; false if it does not exist or was used. */
  async revoke(id: string): Promise<boolean> {
    const revoked = await this.store.remove(id);
    if (revoked) this.audit.record('invitation-revoked', { by: 'operator', name: id });
    return revoked;
  }

  /**
   * Whether registration is allowed, checked before anything else: a refusal reveals nothing about who is registered.
   *
   * @param code the entered code
   * @returns the hash of the code that the registration uses up, or null if none is required
   * @throws ForbiddenError when registration is closed; BadUserInputError naming `invitation`; UnavailableError
   */
  async require(code: string | null): Promise<string | null> {
    const { mode } = this.registration;
    if (mode === 'closed')
      throw new ForbiddenError('Registration is closed. Ask the operator of this site for an account.');
    if (mode === 'open') return null;
    const hash = code !== null && CODE.test(code.trim()) ? hashOf(code.trim()) : null;
    if (hash === null || !(await this.store.isOpen(hash, new Date()))) throw new InvalidInvitationError();
    return hash;
  }
}

/** No invitation, or an unknown, used or expired one; the same error for all. */
export class InvalidInvitationError extends BadUserInputError {
  constructor() {
    super('invitation', 'Registration needs an invitation that has neither been used nor expired: ask for one.');
  }
}

function hashOf(code: string): string {
  return hash('sha256', code, 'base64url');
}
