import { resolve } from 'node:path';
import {
  type BeforeApplicationShutdown,
  Inject,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import type { Logger } from 'pino';
import { DATABASE_CONFIG, type DatabaseConfig } from '../identity.config.js';
import { LOGGER } from '../../live/logging/logger.js';
import { StoreMetrics } from '../../live/store/store-health.js';
import { StoreHealthModule } from '../../live/store/store-health.module.js';
import { openEmbedded } from './database.embedded.js';
import { Database } from './database.js';
import { databasePlace } from '../../live/store/postgres/postgres-url.js';
import { openPostgres } from './database.postgres.js';

/** How often the database is checked for accepting writes, in ms. */
const HEARTBEAT_MS = 5_000;
/** How often while it does not accept them, in ms. */
const RETRY_MS = 1_000;

/**
 * Provides the `Database`: PostgreSQL if `DATABASE_URL` is set, else the embedded one in `DATA_DIR`. It is migrated
 * before it is injected, and closes last, at application shutdown. A database that becomes unavailable, or read-only
 * while there are no writes, is detected within seven seconds, logged and shown in metrics.
 */
@Module({
  imports: [StoreHealthModule],
  providers: [
    {
      provide: Database,
      useFactory: ({ url, dataDir }: DatabaseConfig, logger: Logger, metrics: StoreMetrics) => {
        const health = metrics.watch('database', 'The database', url === null ? resolve(dataDir) : databasePlace(url));
        return url === null ? openEmbedded(dataDir, health) : openPostgres(url, logger, { health });
      },
      inject: [DATABASE_CONFIG, LOGGER, StoreMetrics],
    },
  ],
  exports: [Database],
})
export class DatabaseModule implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown {
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(@Inject(Database) private readonly database: Database) {}

  onModuleInit(): void {
    this.#schedule();
  }

  beforeApplicationShutdown(): void {
    clearTimeout(this.#heartbeat);
    this.#heartbeat = undefined;
  }

  onApplicationShutdown(): Promise<void> {
    return this.database.close();
  }

  #schedule(): void {
    const waitMs = this.database.state === 'ok' ? HEARTBEAT_MS : RETRY_MS;
    this.#heartbeat = setTimeout(() => void this.#beat(), waitMs).unref();
  }

  async #beat(): Promise<void> {
    const own = this.#heartbeat;
    await this.database.answers();
    // A shutdown that started in the meantime has closed it.
    if (this.#heartbeat === own) this.#schedule();
  }
}
