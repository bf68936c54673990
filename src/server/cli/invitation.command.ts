import { Invitations } from '../../identity/accounts/invitations.js';
import type { CliCommand } from './command.js';
import { wholeNumber } from './whole-number.js';

const DEFAULT_DAYS = 7;
const MAX_DAYS = 90;
const days = wholeNumber(MAX_DAYS);

/** `invitation create|list|revoke`: manages invitations for `REGISTRATION=invite`. */
export const invitationCommand: CliCommand = (program, context) => {
  const family = program.command('invitation').description('manage invitations, for REGISTRATION=invite');
  family
    .command('create')
    .option('--days <n>', `how many days it can be used, at most ${MAX_DAYS}`, days, DEFAULT_DAYS)
    .description('create an invitation for one account and print its code; it is shown only once')
    .action((options: { days: number }) =>
      context.withStores(async (stores) => {
        const { id, code, expiresAt } = await stores.get(Invitations).create(options.days);
        const until = expiresAt.toISOString();
        context.print(
          { id, code, expiresAt: until },
          `${code}\n\nGood for one account, until ${until}. It will not be shown again.`,
        );
      }),
    );
  family
    .command('list')
    .description('list unused invitations, without their codes')
    .action(() =>
      context.withStores(async (stores) => {
        const open = await stores.get(Invitations).list();
        const lines = open.map(({ id, expiresAt }) => `${id}  until ${expiresAt.toISOString()}`);
        context.print(open, lines.join('\n') || 'There are no invitations.');
      }),
    );
  family
    .command('revoke')
    .argument('<id>')
    .description('revoke an invitation')
    .action((id: string) =>
      context.withStores(async (stores) => {
        if (!(await stores.get(Invitations).revoke(id))) throw new Error('There is no invitation with this id.');
        context.print({ id, revoked: true }, `${id} is revoked.`);
      }),
    );
};
