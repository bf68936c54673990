import { Global, Module } from '@nestjs/common';
import { LOGGING_CONFIG } from '../config/config.module.js';
import type { LoggingConfig } from '../config/config.js';
import type { Logger } from 'pino';
import { AuditLog } from '../../live/logging/audit-log.js';
import { createLogger, LOGGER } from '../../live/logging/logger.js';
import { HTTP_CONFIG, type HttpConfig } from '../../live/live.config.js';
import { prettyDestination } from './terminal.js';

/** Provides the process's one structured logger as `LOGGER`, and the audit log. Text in a terminal, else JSON. */
@Global()
@Module({
  providers: [
    {
      provide: LOGGER,
      useFactory: async ({ level }: LoggingConfig, { production }: HttpConfig) =>
        createLogger(level, await prettyDestination(production)),
      inject: [LOGGING_CONFIG, HTTP_CONFIG],
    },
    { provide: AuditLog, useFactory: (logger: Logger) => new AuditLog(logger), inject: [LOGGER] },
  ],
  exports: [LOGGER, AuditLog],
})
export class LoggingModule {}
