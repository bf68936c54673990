import { Body, Controller, Get, HttpCode, HttpStatus, Injectable, Post, Query } from '@nestjs/common';
import { MAX_KEY_ADDRESSES, MAX_KEY_DAYS } from '../../identity/api-keys/api-key.js';
import type { ListedApiKey } from '../../identity/api-keys/api-key.store.js';
import { faultOfKeyName } from '../../identity/api-keys/api-key-name.js';
import { type ApiKeyScope, parseScopes, scopeBeyond } from '../../identity/api-keys/api-key-scopes.js';
import { ApiKeys, type KeyActor } from '../../identity/api-keys/api-keys.service.js';
import { BadUserInputError, NotFoundError } from '../../live/errors/sallyport.errors.js';
import { parseAddressRange } from '../../live/viewer/client-address.js';
import { fieldsOf } from '../http-api/body-fields.js';
import { QueryParameters } from '../http-api/query-parameters.js';
import { CONSOLE_API } from './console.rules.js';
import { CurrentOperator, type Operator } from './operator.js';
import { OperatorScopes } from './operator-scopes.js';

/** The scope for creating and revoking keys. */
const SCOPE = 'keys';
/** Keys with these scopes are created with the CLI only, so that someone who gets into the console cannot stay there. */
const CLI_ONLY: ReadonlySet<ApiKeyScope> = new Set(['console', SCOPE]);
const KEYS_AT_A_TIME = 100;
const DAY_MS = 86_400_000;

/** What an operator does with API keys. */
@Injectable()
export class ConsoleKeys {
  constructor(
    private readonly keys: ApiKeys,
    private readonly scopes: OperatorScopes,
  ) {}

  /** The keys whose names sort after this one, without their secrets. Throws UnavailableError. */
  page(after: string): Promise<readonly ListedApiKey[]> {
    return this.keys.page(after, KEYS_AT_A_TIME);
  }

  /**
   * Creates a key, which is returned only here. It may do no more than the operator.
   *
   * @param fields `name`, `scopes`, `expiresInDays` and `addresses`, not yet checked
   * @throws ForbiddenError without the scope `keys`, and for a scope that the operator lacks; BadUserInputError naming
   * the field; UnavailableError
   */
  async create(operator: Operator, fields: Readonly<Record<string, unknown>>): Promise<string> {
    this.scopes.require(operator, SCOPE);
    const name = nameIn(fields['name']);
    const scopes = scopesIn(fields['scopes']);
    const beyond = scopeBeyond(operator.key.scopes, scopes);
    if (beyond !== undefined) this.scopes.require(operator, beyond);
    const limits = { expiresAt: expiryIn(fields['expiresInDays']), addresses: addressesIn(fields['addresses']) };
    const key = await this.keys.create(name, scopes, limits, actorOf(operator));
    if (key === null)
      throw new BadUserInputError('name', 'A key with this name exists: revoke it first, or choose another name.');
    return key;
  }

  /** Revokes a key, also the operator's own. @throws ForbiddenError; NotFoundError; UnavailableError */
  async revoke(operator: Operator, name: unknown): Promise<void> {
    this.scopes.require(operator, SCOPE);
    const isName = typeof name === 'string' && !name.includes('\0');
    if (!isName || !(await this.keys.revoke(name, actorOf(operator))))
      throw new NotFoundError('There is no key with this name.');
  }
}

function actorOf({ key, address }: Operator): KeyActor {
  return { operator: key.name, address };
}

function nameIn(value: unknown): string {
  const fault = typeof value === 'string' ? faultOfKeyName(value) : 'name must be text.';
  if (fault !== null) throw new BadUserInputError('name', fault);
  return value as string;
}

function scopesIn(value: unknown): readonly ApiKeyScope[] {
  const texts = textsIn('scopes', value);
  const list = parseScopes(texts.join());
  if (!list.ok) throw new BadUserInputError('scopes', list.fault);
  const cliOnly = list.scopes.find((scope) => CLI_ONLY.has(scope));
  if (cliOnly !== undefined)
    throw new BadUserInputError('scopes', `A key with the scope ${cliOnly} is created with the CLI: api-key create.`);
  return list.scopes;
}

function expiryIn(value: unknown): Date | null {
  if (value === undefined || value === null) return null;
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_KEY_DAYS)
    return new Date(Date.now() + Number(value) * DAY_MS);
  throw new BadUserInputError('expiresInDays', `expiresInDays must be a whole number from 1 to ${MAX_KEY_DAYS}.`);
}

function addressesIn(value: unknown): readonly string[] | null {
  const texts = value === undefined || value === null ? [] : textsIn('addresses', value);
  if (texts.length > MAX_KEY_ADDRESSES)
    throw new BadUserInputError('addresses', `A key has at most ${MAX_KEY_ADDRESSES} addresses.`);
  if (!texts.every((text) => parseAddressRange(text)))
    throw new BadUserInputError('addresses', 'Give addresses or ranges, such as 10.0.0.0/8.');
  return texts.length === 0 ? null : texts;
}

function textsIn(field: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value as readonly string[];
  throw new BadUserInputError(field, `${field} must be a list of texts.`);
}

/** One page of keys. */
interface KeysAnswer {
  readonly keys: readonly ListedApiKey[];
  /** Ask for what comes after this name; null on the last page. */
  readonly next: string | null;
}

/** API keys: list, create, revoke. */
@Controller(`${CONSOLE_API}/keys`)
export class ConsoleKeysController {
  constructor(private readonly keys: ConsoleKeys) {}

  /** A page of keys, by name. */
  @Get()
  async list(@Query() query: unknown): Promise<KeysAnswer> {
    const keys = await this.keys.page(new QueryParameters(query, ['after']).optional('after') ?? '');
    return { keys, next: keys.length < KEYS_AT_A_TIME ? null : (keys.at(-1)?.name ?? null) };
  }

  /** Creates a key. */
  @Post()
  @HttpCode(HttpStatus.OK)
  async create(@CurrentOperator() operator: Operator, @Body() body: unknown): Promise<{ readonly key: string }> {
    return { key: await this.keys.create(operator, fieldsOf(body, ['name', 'scopes', 'expiresInDays', 'addresses'])) };
  }

  /** Revokes a key. */
  @Post('/revoke')
  @HttpCode(HttpStatus.OK)
  async revoke(@CurrentOperator() operator: Operator, @Body() body: unknown): Promise<Record<string, never>> {
    await this.keys.revoke(operator, fieldsOf(body, ['name'])['name']);
    return {};
  }
}
