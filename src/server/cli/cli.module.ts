import { type DynamicModule, Module } from '@nestjs/common';
import { type Logger, pino } from 'pino';
import { AccountModule } from '../../identity/accounts/account.module.js';
import { SessionModule } from '../../identity/sessions/session.module.js';
import { AuditModule } from '../../identity/audit/audit.module.js';
import { ConfigModule } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { DatabaseModule } from '../../identity/database/database.module.js';
import { LIVE_CONFIG, LiveConfigModule } from '../../live/live-config.module.js';
import { createLogger } from '../../live/logging/logger.js';
import { liveConfigOf } from '../config/live-config.js';
import { ApiKeyModule } from '../../identity/api-keys/api-key.module.js';
import { WebhookMessagesModule } from '../webhooks/webhook-messages.module.js';
import { FeedsModule } from '../../live/feeds/feeds.module.js';

const STANDARD_ERROR = 2;

function toStandardError(level: string): Logger {
  return createLogger(level, pino.destination({ dest: STANDARD_ERROR, sync: true }));
}

/** The modules for commands: the stores and the modules that use them, without sockets and workers. */
@Module({})
export class CliModule {
  static of(config: Config): DynamicModule {
    // On standard error, so that standard output contains only the result: warnings, and the command's audit events.
    const live = liveConfigOf(config, toStandardError('warn'), toStandardError('info'));
    const settings = [ConfigModule.of(config), LiveConfigModule.of({ provide: LIVE_CONFIG, useValue: live })];
    return {
      module: CliModule,
      imports: [
        ...settings,
        DatabaseModule,
        FeedsModule,
        AccountModule,
        SessionModule,
        ApiKeyModule,
        AuditModule,
        WebhookMessagesModule,
      ],
    };
  }
}
