import { type DynamicModule, Global, Module } from '@nestjs/common';
import { type Logger, pino } from 'pino';
import { AccountsModule } from '../../identity/accounts.module.js';
import { ConfigModule } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { DatabaseModule } from '../../identity/database/database.module.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { createLogger, LOGGER } from '../../live/logging/logger.js';
import { ApiKeyModule } from '../../identity/api-keys/api-key.module.js';
import { FeedsModule } from '../../live/feeds/feeds.module.js';

const STANDARD_ERROR = 2;

function toStandardError(level: string): Logger {
  return createLogger(level, pino.destination({ dest: STANDARD_ERROR, sync: true }));
}

/**
 * Logs of a command: warnings and worse, and what the command does as audit events, on standard error, so that standard output
 * holds the result alone.
 */
@Global()
@Module({
  providers: [
    { provide: LOGGER, useFactory: () => toStandardError('warn') },
    { provide: AuditLog, useFactory: () => new AuditLog(toStandardError('info')) },
  ],
  exports: [LOGGER, AuditLog],
})
class CliLoggingModule {}

/** What commands work with: the stores and the modules on top of them; no sockets, no workers. */
@Module({})
export class CliModule {
  static of(config: Config): DynamicModule {
    const modules = [CliLoggingModule, DatabaseModule, FeedsModule, AccountsModule, ApiKeyModule];
    return { module: CliModule, imports: [ConfigModule.of(config), ...modules] };
  }
}
