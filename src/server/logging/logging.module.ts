import { Global, Module } from '@nestjs/common';
import { LOGGING_CONFIG } from '../config/config.module.js';
import type { LoggingConfig } from '../config/config.js';
import type { Logger } from 'pino';
import { AuditLog } from '../../live/logging/audit-log.js';
import { createLogger, LOGGER } from '../../live/logging/logger.js';

/** Provides the process's one structured logger as `LOGGER`, and the audit log. */
@Global()
@Module({
  providers: [
    { provide: LOGGER, useFactory: (config: LoggingConfig) => createLogger(config.level), inject: [LOGGING_CONFIG] },
    { provide: AuditLog, useFactory: (logger: Logger) => new AuditLog(logger), inject: [LOGGER] },
  ],
  exports: [LOGGER, AuditLog],
})
export class LoggingModule {}
