import { openSync, writeFileSync } from 'node:fs';
import { MAX_TOKEN_LIFE_SECONDS } from '../../live/tokens/token-claims.js';
import { HTTP_CONFIG, type HttpConfig } from '../../identity/identity.config.js';
import { TOKEN_CONFIG, type TokenConfig } from '../../live/live.config.js';
import { StartError } from '../../live/errors/sallyport.errors.js';
import type { CliCommand } from './command.js';
import { seedAccounts } from './seed-accounts.js';
import { wholeNumber } from './whole-number.js';

const MAX_USERS = 1_000_000;

interface SeedOptions {
  readonly users: number;
  readonly out?: string;
  readonly ttlSeconds?: number;
}

/** `seed`: creates accounts with sessions for load tests. Refused in production. */
export const seedCommand: CliCommand = (program, context) => {
  program
    .command('seed')
    .description(
      'create accounts with valid sessions and write [{ viewerId, token }], for load tests; refused in production',
    )
    .requiredOption('--users <n>', 'how many accounts', wholeNumber(MAX_USERS))
    .option('--out <file>', 'where to write the tokens, readable by you alone; default: standard output')
    .option(
      '--ttl-seconds <n>',
      'how long the tokens are valid; default: TOKEN_TTL_SECONDS',
      wholeNumber(MAX_TOKEN_LIFE_SECONDS),
    )
    .action((options: SeedOptions) =>
      context.withStores(
        async (stores) => {
          if (stores.get<HttpConfig>(HTTP_CONFIG).production) {
            throw new StartError('seed creates test accounts, so it is refused when NODE_ENV is production.');
          }
          const file = options.out === undefined ? null : openOut(options.out);
          const ttlSeconds = options.ttlSeconds ?? stores.get<TokenConfig>(TOKEN_CONFIG).ttlSeconds;
          const accounts = await seedAccounts(stores, options.users, ttlSeconds);
          if (file === null) {
            process.stdout.write(`${JSON.stringify(accounts)}\n`);
            return;
          }
          writeFileSync(file, JSON.stringify(accounts));
          const result = { users: accounts.length, out: options.out, ttlSeconds };
          context.print(
            result,
            `Created ${accounts.length} users. Their tokens are in ${options.out} and are valid for ${ttlSeconds} s.`,
          );
        },
        { alone: true },
      ),
    );
};

/** Opened before the accounts are made, so that none is made whose token cannot be written. */
function openOut(file: string): number {
  try {
    return openSync(file, 'w', 0o600);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new StartError(`The file ${file} cannot be written (${code}): give --out another path.`, { cause: error });
  }
}
