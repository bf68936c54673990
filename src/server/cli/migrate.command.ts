import type { CliCommand } from './command.js';

/** `migrate`: brings the schema up to date and leaves. Opening the stores is what does it, here as at every start. */
export const migrateCommand: CliCommand = (program, context) => {
  program
    .command('migrate')
    .description('migrate the database to this version')
    .action(() =>
      context.withStores(async () => context.print({ migrated: true }, 'The database has the schema of this version.')),
    );
};
