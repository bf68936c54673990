import { Command, CommanderError } from 'commander';
import { apiKeyCommand } from './api-key.command.js';
import { auditCommand } from './audit.command.js';
import type { CliCommand, CliContext } from './command.js';
import { configCommand } from './config.command.js';
import { invitationCommand } from './invitation.command.js';
import { migrateCommand } from './migrate.command.js';
import { printable } from './printable.js';
import { publishCommand } from './publish.command.js';
import { rejectedCommand } from './rejected.command.js';
import { secretCommand } from './secret.command.js';
import { seedCommand } from './seed.command.js';
import { sessionsCommand } from './sessions.command.js';
import { userCommand } from './user.command.js';
import { VERSION } from '../version.js';
import { webhookCommand } from './webhook.command.js';

const COMMANDS: readonly CliCommand[] = [
  migrateCommand,
  userCommand,
  sessionsCommand,
  invitationCommand,
  apiKeyCommand,
  publishCommand,
  rejectedCommand,
  auditCommand,
  webhookCommand,
  seedCommand,
  configCommand,
  secretCommand,
];

/** Where a command's output goes. */
export interface CliOutput {
  out(text: string): void;
  error(text: string): void;
}

/**
 * Runs one command and writes its output. An error becomes one line.
 *
 * @param args the command line, without the program
 * @param given the context of this process
 * @returns the exit code
 */
export async function runCommand(
  args: readonly string[],
  given: Omit<CliContext, 'print'>,
  { out, error: err }: CliOutput,
): Promise<number> {
  const output: CliOutput = { out: (text) => out(printable(text)), error: (text) => err(printable(text)) };
  const program = new Command('sallyport')
    .description('Administers a Sallyport deployment: schema, accounts, sessions, API keys, events, configuration.')
    .version(VERSION)
    .option('--json', 'print the result as one line of JSON')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => output.out(text), writeErr: (text) => output.error(text) })
    .exitOverride();
  const context: CliContext = {
    ...given,
    print(result, text) {
      const { json } = program.opts<{ json?: true }>();
      output.out(`${json ? JSON.stringify(result) : text}\n`);
    },
  };
  for (const add of COMMANDS) add(program, context);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof RanElsewhere) return error.exitCode;
    // Commander has printed it, or the help or version that was asked for.
    if (error instanceof CommanderError) return error.exitCode;
    output.error(`sallyport: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

/** Thrown by `withStores` instead of running the action: another process has run the whole command. */
export class RanElsewhere extends Error {
  constructor(readonly exitCode: number) {
    super('This command was run by the server.');
  }
}
