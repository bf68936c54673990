import { OUTBOX_CONFIG, type OutboxConfig } from '../../live/live.config.js';
import { LOGGER } from '../../live/logging/logger.js';
import type { CliCommand } from './command.js';

/**
 * `migrate`: migrates the schema and exits. Opening the stores does this, as at every start, except for what is
 * published by SQL where the store is another one.
 */
export const migrateCommand: CliCommand = (program, context) => {
  program
    .command('migrate')
    .description('migrate the database to this version')
    .action(() =>
      context.withStores(async (stores) => {
        const outbox = stores.get<OutboxConfig | null>(OUTBOX_CONFIG);
        if (outbox !== null) {
          const { preparePostgres } = await import('../../live/store/postgres/open-postgres.js');
          await preparePostgres(outbox, stores.get(LOGGER));
        }
        context.print({ migrated: true }, 'The database has the schema of this version.');
      }),
    );
};
