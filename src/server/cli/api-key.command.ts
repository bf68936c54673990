import { InvalidArgumentError, Option } from 'commander';
import { MAX_KEY_ADDRESSES, MAX_KEY_DAYS } from '../../identity/api-keys/api-key.js';
import { faultOfKeyName } from '../../identity/api-keys/api-key-name.js';
import { DEFAULT_SCOPES, parseScopes } from '../../identity/api-keys/api-key-scopes.js';
import type { ListedApiKey } from '../../identity/api-keys/api-key.store.js';
import { ApiKeys } from '../../identity/api-keys/api-keys.service.js';
import { parseAddressRange } from '../../live/viewer/client-address.js';
import type { CliCommand } from './command.js';

const MAX_EXPIRY_MS = MAX_KEY_DAYS * 86_400_000;
const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

interface CreateOptions {
  readonly allow: string;
  readonly expires?: Date;
  readonly address: readonly string[];
}

/** `api-key create|list|revoke`: manages the API keys of other backends. */
export const apiKeyCommand: CliCommand = (program, context) => {
  const family = program.command('api-key').description('keys of other backends');
  family
    .command('create')
    .argument('<name>', 'what the key is for; names are unique')
    .option('--allow <scopes>', 'comma-separated scopes', DEFAULT_SCOPES.join(','))
    .option('--expires <when>', 'a time from now, such as 90d, 12h or 30m, or an instant; default: never', expiryIn)
    .addOption(addressOption())
    .description('create a key and print it; it is shown only once')
    .action((name: string, { allow, expires, address }: CreateOptions) =>
      context.withStores(async (stores) => {
        checkName(name);
        const list = parseScopes(allow);
        if (!list.ok) throw new Error(list.fault);
        const limits = { expiresAt: expires ?? null, addresses: address.length > 0 ? address : null };
        const key = await stores.get(ApiKeys).create(name, list.scopes, limits);
        if (key === null) throw new Error('A key with this name exists: revoke it first, or choose another name.');
        context.print({ name, key }, `${key}\n\nSave it now: it will not be shown again.`);
      }),
    );
  family
    .command('list')
    .description('list keys, without their secrets')
    .action(() =>
      context.withStores(async (stores) => {
        const keys = await stores.get(ApiKeys).list();
        context.print(keys, keys.map(toLine).join('\n') || 'There are no keys.');
      }),
    );
  family
    .command('revoke')
    .argument('<name>')
    .description('revoke a key; takes effect within a second')
    .action((name: string) =>
      context.withStores(async (stores) => {
        if (!(await stores.get(ApiKeys).revoke(name))) throw new Error('There is no key with this name.');
        context.print({ name, revoked: true }, `${name} is revoked.`);
      }),
    );
};

/** `90d`, `12h`, `30m`, `2w`, or an instant such as `2027-01-31T12:00:00Z`: in the future, within ten years. */
function expiryIn(text: string): Date {
  const [, count, unit = ''] = /^([1-9]\d{0,6})([mhdw])$/.exec(text) ?? [];
  const atMs =
    count === undefined
      ? Date.parse(INSTANT.test(text) ? text : '')
      : Date.now() + Number(count) * (UNITS_MS[unit] ?? 0);
  const fromNowMs = atMs - Date.now();
  // Not a number for text that is neither.
  if (fromNowMs > 0 && fromNowMs <= MAX_EXPIRY_MS) return new Date(atMs);
  throw new InvalidArgumentError(
    'Give a time within ten years: 90d, 12h, 30m, 2w, or an instant with its zone, such as 2027-01-31T12:00:00Z.',
  );
}

function addressOption(): Option {
  return new Option('--address <range>', 'an address or a range that may use it; may be repeated')
    .argParser(addAddress)
    .default([], 'all');
}

function addAddress(text: string, others: readonly string[]): readonly string[] {
  if (!parseAddressRange(text)) throw new InvalidArgumentError('Give an address or a range, such as 10.0.0.0/8.');
  if (others.length >= MAX_KEY_ADDRESSES)
    throw new InvalidArgumentError(`A key has at most ${MAX_KEY_ADDRESSES} addresses.`);
  return [...others, text];
}

function toLine({ name, createdAt, scopes, expiresAt, addresses, lastUsedAt }: ListedApiKey): string {
  const parts = [
    name,
    `since ${createdAt.toISOString()}`,
    lastUsedAt ? `last used ${lastUsedAt.toISOString()}` : 'never used',
    ...(expiresAt ? [`${expiresAt <= new Date() ? 'expired' : 'expires'} ${expiresAt.toISOString()}`] : []),
    ...(addresses ? [`from ${addresses.join(',')}`] : []),
    scopes.join(','),
  ];
  return parts.join('  ');
}

function checkName(name: string): void {
  const fault = faultOfKeyName(name);
  if (fault !== null) throw new Error(fault);
}
