import { Module } from '@nestjs/common';
import { StoreModule } from '../../live/store/store.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { AccountModule } from '../accounts/account.module.js';
import { AccountChanges, OwnAccount } from './account-changes.service.js';
import { AccountChangesStore } from './account-changes.store.js';
import { RequestViewer } from './request-viewer.js';
import { SessionCookie } from './session-cookie.js';
import { EndedSessions } from './ended-sessions.js';
import { SessionLimits } from './session-limits.js';
import { SessionLookup } from './session-lookup.js';
import { SessionService } from './session.service.js';
import { SessionStore } from './session.store.js';
import { SessionSweeper } from './session-sweeper.js';
import { TokenModule } from '../../live/tokens/token.module.js';
import { AccountAuthenticator } from './account.authenticator.js';
import { AccountSessions } from './account.sessions.js';

/** Sessions: opened with a password, identified by a cookie, and ended on every node. */
@Module({
  imports: [DatabaseModule, AccountModule, StoreModule, TokenModule],
  providers: [
    SessionCookie,
    SessionLimits,
    SessionStore,
    SessionService,
    SessionLookup,
    SessionSweeper,
    AccountAuthenticator,
    AccountSessions,
    RequestViewer,
    AccountChanges,
    AccountChangesStore,
    EndedSessions,
    OwnAccount,
  ],
  exports: [
    SessionCookie,
    SessionService,
    AccountAuthenticator,
    AccountSessions,
    RequestViewer,
    AccountChanges,
    OwnAccount,
  ],
})
export class SessionModule {}
