import { DEVELOPMENT_KEY_PREFIX } from '../../identity/api-keys/development-key.js';
import { DEFAULT_SCOPES, parseScopes } from '../../identity/api-keys/api-key-scopes.js';
import { COMMAND_KEY_PREFIX } from '../../identity/api-keys/api-key.js';
import { ApiKeys } from '../../identity/api-keys/api-keys.service.js';
import type { CliCommand } from './command.js';

const MAX_NAME_LENGTH = 100;

/** `api-key create|list|revoke`: manages the API keys of other backends. */
export const apiKeyCommand: CliCommand = (program, context) => {
  const family = program.command('api-key').description('keys of other backends');
  family
    .command('create')
    .argument('<name>', 'what the key is for; names are unique')
    .option('--allow <scopes>', 'comma-separated scopes', DEFAULT_SCOPES.join(','))
    .description('create a key and print it; it is shown only once')
    .action((name: string, { allow }: { allow: string }) =>
      context.withStores(async (stores) => {
        checkName(name);
        const list = parseScopes(allow);
        if (!list.ok) throw new Error(list.fault);
        const key = await stores.get(ApiKeys).create(name, list.scopes);
        if (key === null) throw new Error('There is a key of this name: revoke it first, or take another name.');
        context.print({ name, key }, `${key}\n\nKeep it now: it is not shown again.`);
      }),
    );
  family
    .command('list')
    .description('list keys, without their secrets')
    .action(() =>
      context.withStores(async (stores) => {
        const keys = await stores.get(ApiKeys).list();
        const lines = keys.map(
          ({ name, createdAt, scopes }) => `${name}  since ${createdAt.toISOString()}  ${scopes.join(',')}`,
        );
        context.print(keys, lines.join('\n') || 'There are no keys.');
      }),
    );
  family
    .command('revoke')
    .argument('<name>')
    .description('revoke a key; takes effect within a second')
    .action((name: string) =>
      context.withStores(async (stores) => {
        if (!(await stores.get(ApiKeys).revoke(name))) throw new Error('There is no key of this name.');
        context.print({ name, revoked: true }, `${name} is revoked.`);
      }),
    );
};

function checkName(name: string): void {
  if (name.trim() === '' || name.length > MAX_NAME_LENGTH)
    throw new Error(`A name has 1 to ${MAX_NAME_LENGTH} characters.`);
  if (name.startsWith(COMMAND_KEY_PREFIX))
    throw new Error(`Names that start with ${COMMAND_KEY_PREFIX} belong to keys that commands make for themselves.`);
  if (name.startsWith(DEVELOPMENT_KEY_PREFIX))
    throw new Error(`Names that start with ${DEVELOPMENT_KEY_PREFIX} belong to keys that production does not take.`);
}
