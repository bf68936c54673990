import { Global, Module } from '@nestjs/common';
import { LOGGING_CONFIG } from '../config/config.module.js';
import type { LoggingConfig } from '../config/config.js';
import { createLogger, LOGGER } from './logger.js';

/** Provides the process's one structured logger as `LOGGER` to every room. */
@Global()
@Module({
  providers: [
    { provide: LOGGER, useFactory: (config: LoggingConfig) => createLogger(config.level), inject: [LOGGING_CONFIG] },
  ],
  exports: [LOGGER],
})
export class LoggingModule {}
