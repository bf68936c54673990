import { Module } from '@nestjs/common';
import { RequestViewer } from './request-viewer.js';
import { SessionCookie } from './session-cookie.js';
import { SessionEndings } from './session-endings.js';
import { SessionLimits } from './session-limits.js';
import { SessionLookup } from './session-lookup.js';
import { SessionService } from './session.service.js';
import { SessionStore } from './session.store.js';

/** Sessions: opened by a password, carried by a cookie, ended once and everywhere. */
@Module({
  providers: [SessionCookie, SessionLimits, SessionStore, SessionEndings, SessionService, SessionLookup, RequestViewer],
  exports: [SessionCookie, SessionService, SessionEndings, SessionLookup, RequestViewer],
})
export class SessionModule {}
