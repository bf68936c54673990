import { AccountService } from '../../identity/accounts/account.service.js';
import { AccountChanges } from '../../identity/sessions/account-changes.service.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { askPassword } from './ask-password.js';
import type { CliCommand } from './command.js';
import { whenHeard } from './sessions.command.js';

/** `user create`, `user disable` and `user enable`. */
export const userCommand: CliCommand = (program, context) => {
  const user = program.command('user').description('create, disable and enable accounts');

  user
    .command('create')
    .argument('<email>')
    .description('create an account; prompts for the password, or reads it from standard input')
    .action(async (email: string) => {
      const password = await askPassword(`Password for ${email}: `);
      await context.withStores(async (stores) => {
        const account = await stores.get(AccountService).create(email, password);
        stores.get(AuditLog).record('registered', { viewer: `user:${account.id}`, by: 'operator' });
        const result = { id: account.id, viewerId: `user:${account.id}`, email: account.email };
        context.print(result, `Made ${account.email} (user:${account.id}).`);
      });
    });

  user
    .command('disable')
    .argument('<email>')
    .description('disable an account and end its sessions')
    .action((email: string) =>
      context.withStores(async (stores, { hearsNobody }) => {
        const ended = await stores.get(AccountChanges).disable(email);
        const result = { disabled: true, endedSessions: ended, nodesTold: !hearsNobody };
        context.print(result, `Disabled; ended ${ended} session(s). ${whenHeard(hearsNobody)}`.trimEnd());
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
