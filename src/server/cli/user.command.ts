import type { Command } from 'commander';
import type { ListedAccount } from '../../identity/accounts/account.js';
import { AccountService } from '../../identity/accounts/account.service.js';
import { AccountChanges } from '../../identity/sessions/account-changes.service.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import type { CliCommand, CliContext } from './command.js';
import { whenNotified } from './sessions.command.js';
import { wholeNumber } from './whole-number.js';

const DEFAULT_LISTED = 100;
const MAX_LISTED = 1_000;
const limit = wholeNumber(MAX_LISTED);

interface ListOptions {
  readonly limit: number;
  readonly after?: string;
}

/** `user create`, `user list`, `user disable` and `user enable`. */
export const userCommand: CliCommand = (program, context) => {
  const user = program.command('user').description('create, list, disable and enable accounts');

  user
    .command('create')
    .argument('<email>')
    .description('create an account; prompts for the password, or reads it from standard input')
    .action(async (email: string) => {
      const password = await context.ask(`Password for ${email}: `);
      await context.withStores(async (stores) => {
        const account = await stores.get(AccountService).create(email, password);
        stores.get(AuditLog).record('registered', { viewer: `user:${account.id}`, by: 'operator' });
        const result = { id: account.id, viewerId: `user:${account.id}`, email: account.email };
        context.print(result, `Created ${account.email} (user:${account.id}).`);
      });
    });

  addList(user, context);

  user
    .command('disable')
    .argument('<email>')
    .description('disable an account and end its sessions')
    .action((email: string) =>
      context.withStores(async (stores, { nodesUnreachable }) => {
        const ended = await stores.get(AccountChanges).disable(email);
        const result = { disabled: true, endedSessions: ended, nodesTold: !nodesUnreachable };
        context.print(result, `Disabled; ended ${ended} session(s). ${whenNotified(nodesUnreachable)}`.trimEnd());
      }),
    );

  user
    .command('enable')
    .argument('<email>')
    .description('enable a disabled account')
    .action((email: string) =>
      context.withStores(async (stores) => {
        await stores.get(AccountChanges).enable(email);
        context.print({ enabled: true }, 'Enabled.');
      }),
    );
};

function addList(user: Command, context: CliContext): void {
  user
    .command('list')
    .option('--limit <n>', `how many, at most ${MAX_LISTED}`, limit, DEFAULT_LISTED)
    .option('--after <email>', 'the last e-mail of the previous page')
    .description('list accounts by e-mail')
    .action((options: ListOptions) =>
      context.withStores(async (stores) => {
        const accounts = await stores.get(AccountService).list(options.after ?? '', options.limit);
        const listed = accounts.map(({ id, ...account }) => ({ id, viewerId: `user:${id}`, ...account }));
        const lines = accounts.map(line);
        const last = accounts.length === options.limit ? accounts.at(-1) : undefined;
        if (last) lines.push(`There may be more: user list --after ${last.email}`);
        context.print(listed, lines.join('\n') || 'There are no accounts.');
      }),
    );
}

function line({ id, email, createdAt, disabledAt }: ListedAccount): string {
  const state = disabledAt ? `  disabled ${disabledAt.toISOString()}` : '';
  return `${email}  user:${id}  since ${createdAt.toISOString()}${state}`;
}
