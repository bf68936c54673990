import { AccountChanges } from '../../identity/sessions/account-changes.service.js';
import { SessionService } from '../../identity/sessions/session.service.js';
import type { ListedSession } from '../../identity/sessions/session.js';
import type { CliCommand } from './command.js';

/** `sessions list` and `sessions revoke`: for operators, for any account. */
export const sessionsCommand: CliCommand = (program, context) => {
  const sessions = program.command('sessions').description('list and revoke sessions');

  sessions
    .command('list')
    .argument('<email>')
    .description('list the valid sessions of an account')
    .action((email: string) =>
      context.withStores(async (stores) => {
        const account = await stores.get(AccountChanges).find(email);
        const listed = await stores.get(SessionService).list(account.id);
        context.print(listed, listed.length > 0 ? listed.map(line).join('\n') : 'No valid sessions.');
      }),
    );

  sessions
    .command('revoke')
    .argument('<email-or-session-id>')
    .description('revoke one session by id, or all of an account by e-mail')
    .action((whose: string) =>
      context.withStores(async (stores, { nodesUnreachable }) => {
        const isEmail = whose.includes('@');
        const ended = isEmail
          ? await stores.get(AccountChanges).revokeSessionsOf(whose)
          : Number(await stores.get(SessionService).end(whose, { reason: 'revoked', by: 'operator' }));
        if (ended === 0 && !isEmail) throw new Error('There is no valid session with this id.');
        context.print(
          { endedSessions: ended, nodesTold: !nodesUnreachable },
          `Ended ${ended} session(s). ${whenNotified(nodesUnreachable)}`.trimEnd(),
        );
      }),
    );
};

/** Says when running nodes close the sockets of the revoked sessions. */
export function whenNotified(nodesUnreachable: boolean): string {
  return nodesUnreachable
    ? 'Running nodes cannot be notified now: they will find this in the database and close the sockets within 20 s.'
    : '';
}

function line(session: ListedSession): string {
  const seen = session.lastSeenAt.toISOString();
  return `${session.id}  seen ${seen}  from ${session.ip ?? '-'}  ${session.userAgent ?? '-'}`;
}
