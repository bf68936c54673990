import { Injectable } from '@nestjs/common';
import type { GraphqlContext } from '../../live/viewer/graphql-context.js';
import type { Account, VerifiedAccount } from '../accounts/account.js';
import { CredentialService, type NewAccount } from '../accounts/credential.service.js';
import { normalizeEmail } from '../accounts/email.js';
import { RequestViewer } from '../sessions/request-viewer.js';
import { asAccount } from '../sessions/account-viewer.js';
import { SessionService } from '../sessions/session.service.js';
import { SignInCookies } from './sign-in-cookies.js';

/** Connects password verification, sessions and the response's cookies. */
@Injectable()
export class SignInService {
  /** A request's current session after the fields executed so far; null after a sign-out. */
  readonly #current = new WeakMap<GraphqlContext, string | null>();

  constructor(
    private readonly credentials: CredentialService,
    private readonly sessions: SessionService,
    private readonly requests: RequestViewer,
    private readonly cookies: SignInCookies,
  ) {}

  /** Creates an account and signs it in. Throws what {@link CredentialService.register} throws. */
  async register(registration: NewAccount, context: GraphqlContext): Promise<Account> {
    return this.#enter(await this.credentials.register(registration, context.client.address), context);
  }

  /** Signs in. Throws what {@link CredentialService.verify} throws. */
  async login(email: string, password: string, context: GraphqlContext): Promise<Account> {
    const source = { address: context.client.address, known: this.#knownAs(email, context) };
    return this.#enter(await this.credentials.verify(email, password, source), context);
  }

  /** Ends the request's session on every node, and clears its cookie. Does nothing without a session. */
  async logout(context: GraphqlContext): Promise<void> {
    const sessionId = this.#sessionOf(context);
    const cause = { reason: 'signed-out', by: 'owner', address: context.client.address } as const;
    if (sessionId) await this.sessions.end(sessionId, cause);
    this.#current.set(context, null);
    this.cookies.signedOut(context.cookies);
  }

  /** What identifies the client as known to the account: a valid session, or a device that has signed in before. */
  #knownAs(email: string, { viewer, cookies }: GraphqlContext): string | null {
    const normalized = normalizeEmail(email);
    if (normalized === null) return null;
    const account = asAccount(viewer);
    if (account && this.requests.accountOf(account)?.email === normalized) return account.sessionId;
    return this.cookies.deviceOf(cookies, normalized);
  }

  /** Each sign-in of a document replaces the one before: only the session in the cookie remains. */
  async #enter(account: VerifiedAccount, context: GraphqlContext): Promise<Account> {
    const session = await this.sessions.open(account, context.client, this.#sessionOf(context));
    this.#current.set(context, session.id);
    this.cookies.signedIn(context.cookies, session.secret, account.email);
    return { id: account.id, email: account.email, createdAt: account.createdAt };
  }

  #sessionOf(context: GraphqlContext): string | null {
    const current = this.#current.get(context);
    if (current !== undefined) return current;
    return asAccount(context.viewer)?.sessionId ?? null;
  }
}
