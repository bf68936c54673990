import { Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../../live/logging/logger.js';
import { RedisConnection } from '../../live/store/redis/redis.connection.js';
import { RedisModule } from '../../live/store/redis/redis.module.js';
import { RedisSubscriber } from '../../live/store/redis/redis.subscriber.js';
import { AccountModule } from '../accounts/account.module.js';
import { AccountChanges } from './account-changes.service.js';
import { AccountChangesStore } from './account-changes.store.js';
import { OwnAccount } from './own-account.service.js';
import { RequestViewer } from './request-viewer.js';
import { SessionCookie } from './session-cookie.js';
import { EndedSessions } from './ended-sessions.js';
import { MemorySessionEndings } from '../../live/store/memory/session-revocations.memory.js';
import { RedisSessionEndings } from '../../live/store/redis/session-revocations.redis.js';
import { SessionEndings } from '../../live/sessions/session-revocations.js';
import { SessionLimits } from './session-limits.js';
import { SessionLookup } from './session-lookup.js';
import { SessionService } from './session.service.js';
import { SessionStore } from './session.store.js';
import { SessionSweeper } from './session-sweeper.js';
import { SessionWatch } from '../../live/sessions/session-watch.js';

/** Sessions: opened by a password, carried by a cookie, ended once and everywhere. */
@Module({
  imports: [AccountModule, RedisModule],
  providers: [
    SessionCookie,
    SessionLimits,
    SessionStore,
    SessionService,
    SessionLookup,
    SessionWatch,
    SessionSweeper,
    RequestViewer,
    AccountChanges,
    AccountChangesStore,
    EndedSessions,
    OwnAccount,
    {
      provide: SessionEndings,
      useFactory: (redis: RedisConnection | null, subscriber: RedisSubscriber | null, logger: Logger) =>
        redis && subscriber ? new RedisSessionEndings(redis, subscriber, logger) : new MemorySessionEndings(),
      inject: [RedisConnection, RedisSubscriber, LOGGER],
    },
  ],
  exports: [
    SessionCookie,
    SessionService,
    SessionEndings,
    SessionLookup,
    SessionWatch,
    RequestViewer,
    AccountChanges,
    OwnAccount,
  ],
})
export class SessionModule {}
