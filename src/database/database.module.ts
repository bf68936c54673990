import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { DATABASE_CONFIG } from '../config/config.module.js';
import type { DatabaseConfig } from '../config/config.js';
import { LOGGER } from '../logging/logger.js';
import { openEmbedded } from './database.embedded.js';
import { Database } from './database.js';
import { openPostgres } from './database.postgres.js';

/**
 * Provides the one `Database`: PostgreSQL where `DATABASE_URL` is set, else the embedded one in `DATA_DIR`.
 * It is migrated before anybody gets it, and closes last, at application shutdown.
 */
@Global()
@Module({
  providers: [
    {
      provide: Database,
      useFactory: (config: DatabaseConfig, logger: Logger) =>
        config.url === null ? openEmbedded(config.dataDir) : openPostgres(config.url, logger),
      inject: [DATABASE_CONFIG, LOGGER],
    },
  ],
  exports: [Database],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(@Inject(Database) private readonly database: Database) {}

  onApplicationShutdown(): Promise<void> {
    return this.database.close();
  }
}
