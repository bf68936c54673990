import { randomUUID } from 'node:crypto';
import { InvalidArgumentError } from 'commander';
import { existsSync, readFileSync } from 'node:fs';
import type { Config } from '../config/config.js';
import { COMMAND_KEY_PREFIX } from '../../identity/api-keys/api-key.js';
import { DEFAULT_SCOPES } from '../../identity/api-keys/api-key-scopes.js';
import { ApiKeys } from '../../identity/api-keys/api-keys.service.js';
import { developmentKeyFile } from '../../identity/api-keys/development-key.js';
import { VIEWER_ID_FORMS } from '../../live/viewer/viewer.js';
import { type CliCommand, type CliContext, requireConfig } from './command.js';

const REQUEST_TIMEOUT_MS = 15_000;
const OWN_KEY_LIFE_MS = 300_000;
const UNAUTHORIZED = 401;

interface Answer {
  readonly cursor: string;
}

/** Publishes the event with this key; null if the server does not accept the key. */
type Send = (key: string) => Promise<Answer | null>;

interface PublishOptions {
  readonly url?: string;
  readonly keyFile?: string;
  readonly key?: string;
}

/** `publish`: publishes one event, through the same endpoint and with the same rules as other backends. */
export const publishCommand: CliCommand = (program, context) => {
  program
    .command('publish')
    .argument('<topic>', 'such as notifications')
    .argument('<viewer>', VIEWER_ID_FORMS)
    .argument('<json>', 'the payload')
    .option('--url <url>', 'the server that publishes it; default: PUBLIC_URL', serverUrl)
    .option(
      '--key-file <file>',
      'a file with an API key; default: the development key, else one that is created for this command',
    )
    .option('--key <text>', 'an idempotency key')
    .description('publish one event through a running server')
    .action((topic: string, viewer: string, json: string, options: PublishOptions) =>
      publish(
        context,
        { topic, viewer, payload: parse(json), ...(options.key === undefined ? {} : { key: options.key }) },
        options,
      ),
    );
};

async function publish(context: CliContext, event: Record<string, unknown>, options: PublishOptions): Promise<void> {
  const config = requireConfig();
  const url = new URL('publish', directory(options.url ?? config.http.publicUrl));
  const send = (key: string): Promise<Answer | null> => post(url, key, event);
  const answer = options.keyFile
    ? await send(readKey(options.keyFile))
    : ((await withDevelopmentKey(config, send)) ?? (await withOwnKey(context, send)));
  if (answer === null)
    throw new Error(
      options.keyFile
        ? `The server at ${url.origin} does not accept the API key in ${options.keyFile}: name another file.`
        : `The server at ${url.origin} has another database than this command: name one of its API keys with --key-file.`,
    );
  context.print(answer, `Published: ${answer.cursor}`);
}

/** Null without such a key, and where the server does not know it: its database is another one than the key's. */
async function withDevelopmentKey(config: Config, send: Send): Promise<Answer | null> {
  const file = developmentKey(config);
  return file === null ? null : send(readKey(file));
}

function developmentKey({ http, database }: Config): string | null {
  const file = developmentKeyFile(database.dataDir);
  return !http.production && existsSync(file) ? file : null;
}

/** An operator with access to the database may publish, with a key that exists only during this command. */
function withOwnKey(context: CliContext, send: Send): Promise<Answer | null> {
  return context.withStores(async (stores) => {
    const keys = stores.get(ApiKeys);
    const name = `${COMMAND_KEY_PREFIX}${randomUUID()}`;
    // It also ends if this command is killed.
    const key = await keys.create(name, DEFAULT_SCOPES, { expiresAt: new Date(Date.now() + OWN_KEY_LIFE_MS) });
    try {
      return await send(key ?? '');
    } finally {
      await keys.revoke(name);
    }
  });
}

/** Null if the server does not accept the key. */
async function post(url: URL, key: string, event: unknown): Promise<Answer | null> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ events: [event] }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  }).catch(() => {
    throw new Error(`No server answers at ${url.origin}: start it, or name another with --url.`);
  });
  if (response.status === UNAUTHORIZED) return null;
  const answer = (await response.json().catch(() => ({}))) as { results?: unknown[]; error?: { message: string } };
  const [result = answer] = (answer.results ?? []) as [{ cursor?: string; error?: { message: string } }?];
  if (!('cursor' in result) || !result.cursor)
    throw new Error(result.error?.message ?? `The server answered ${response.status}.`);
  return { cursor: result.cursor };
}

function serverUrl(text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError('Give an address such as http://localhost:4000.');
}

/** A URL to which a path can be added. */
function directory(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}

function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new Error(`The key file ${file} cannot be read (${code}): name a file that holds an API key.`, {
      cause: error,
    });
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    throw new Error('The payload must be JSON: quote it for your shell, such as \'{"kind":"hello","title":"Hello"}\'.');
  }
}
