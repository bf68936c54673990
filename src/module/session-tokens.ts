import { Injectable } from '@nestjs/common';
import { Sessions } from '../live/sessions/sessions.js';
import { TokenRevocations } from '../live/sessions/token-revocations.js';
import { type SignedToken, TokenService } from '../live/tokens/token.service.js';
import type { SignedInViewer } from './options.js';

/** Issues tokens for the application's sessions. */
@Injectable()
export class SessionTokens {
  constructor(
    private readonly sessions: Sessions,
    private readonly tokens: TokenService,
    private readonly revocations: TokenRevocations,
  ) {}

  /**
   * A token for the session of a request.
   *
   * @returns null if the user is not signed in
   * @throws UnavailableError when the application's `read` fails or takes too long, or the store is unavailable
   */
  async ofRequest(request: object): Promise<SignedToken | null> {
    const signedIn = await this.sessions.read(request);
    return signedIn && this.issue({ viewer: signedIn.viewer.id, session: signedIn.session });
  }

  /**
   * A token for a session.
   *
   * @throws UnavailableError when the store is unavailable
   */
  async issue({ viewer, session }: SignedInViewer): Promise<SignedToken> {
    const rev = await this.revocations.lastRevocationMs(viewer);
    return this.tokens.sign({ id: viewer, sessionId: session }, undefined, { iat: Date.now() / 1000, rev });
  }
}
