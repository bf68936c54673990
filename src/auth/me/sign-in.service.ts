import { Injectable } from '@nestjs/common';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import type { Account, VerifiedAccount } from '../account/account.js';
import { CredentialService } from '../account/credential.service.js';
import { SessionCookie } from '../session/session-cookie.js';
import { SessionService } from '../session/session.service.js';

/** What a request says of itself; see {@link GraphqlContext}. */
type Request = Pick<GraphqlContext, 'viewer' | 'client' | 'cookies'>;

/** Ties an account's password to a session and the session to the answer's cookie. */
@Injectable()
export class SignInService {
  constructor(
    private readonly credentials: CredentialService,
    private readonly sessions: SessionService,
    private readonly cookie: SessionCookie,
  ) {}

  /** Makes an account and signs it in. Throws what {@link CredentialService.register} throws. */
  async register(email: string, password: string, request: Request): Promise<Account> {
    return this.#enter(await this.credentials.register(email, password, request.client.address), request);
  }

  /** Signs in. Throws what {@link CredentialService.verify} throws. */
  async login(email: string, password: string, request: Request): Promise<Account> {
    return this.#enter(await this.credentials.verify(email, password, request.client.address), request);
  }

  /** Ends the request's session, on every node, and takes its cookie away. Does no harm where nobody is signed in. */
  async logout({ viewer, cookies }: Request): Promise<void> {
    if (viewer?.kind === 'account') await this.sessions.end(viewer.sessionId);
    cookies.set(this.cookie.takeAway());
  }

  async #enter(account: VerifiedAccount, { viewer, client, cookies }: Request): Promise<Account> {
    const presentedId = viewer?.kind === 'account' ? viewer.sessionId : null;
    const session = await this.sessions.open(account, client, presentedId);
    cookies.set(this.cookie.handOut(session.secret));
    return { id: account.id, email: account.email, createdAt: account.createdAt };
  }
}
