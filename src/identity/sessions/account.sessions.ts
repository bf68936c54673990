import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { type SignedIn, Sessions } from '../../live/sessions/sessions.js';
import { RequestViewer } from './request-viewer.js';
import { SessionStore } from './session.store.js';

/** The sessions of our own accounts, for `live/`. */
@Injectable()
export class AccountSessions extends Sessions {
  constructor(
    private readonly requests: RequestViewer,
    private readonly store: SessionStore,
  ) {
    super();
  }

  /** @param request of Node or of Fastify: both have `headers` */
  override async read(request: Pick<IncomingMessage, 'headers'>): Promise<SignedIn | null> {
    const viewer = await this.requests.fromCookie(request.headers.cookie);
    return viewer && { viewer, session: viewer.sessionId };
  }

  override status(ids: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    return this.store.status(ids);
  }
}
