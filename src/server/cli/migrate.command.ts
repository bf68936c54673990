import type { CliCommand } from './command.js';

/** `migrate`: migrates the schema and exits. Opening the stores does this, as at every start. */
export const migrateCommand: CliCommand = (program, context) => {
  program
    .command('migrate')
    .description('migrate the database to this version')
    .action(() =>
      context.withStores(async () => context.print({ migrated: true }, 'The database has the schema of this version.')),
    );
};
