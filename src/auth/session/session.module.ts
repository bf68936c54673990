import { Module } from '@nestjs/common';
import { AccountModule } from '../account/account.module.js';
import { AccountChanges } from './account-changes.service.js';
import { AccountChangesStore } from './account-changes.store.js';
import { RequestViewer } from './request-viewer.js';
import { SessionCookie } from './session-cookie.js';
import { SessionEndings } from './session-endings.js';
import { SessionLimits } from './session-limits.js';
import { SessionLookup } from './session-lookup.js';
import { SessionService } from './session.service.js';
import { SessionStore } from './session.store.js';

/** Sessions: opened by a password, carried by a cookie, ended once and everywhere. */
@Module({
  imports: [AccountModule],
  providers: [
    AccountChanges,
    AccountChangesStore,
    SessionCookie,
    SessionLimits,
    SessionStore,
    SessionEndings,
    SessionService,
    SessionLookup,
    RequestViewer,
  ],
  exports: [AccountChanges, SessionCookie, SessionService, SessionEndings, SessionLookup, RequestViewer],
})
export class SessionModule {}
