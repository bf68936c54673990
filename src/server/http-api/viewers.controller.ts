import { Body, Controller, HttpCode, HttpStatus, Injectable, Post, UseGuards } from '@nestjs/common';
import { AccountService } from '../../identity/accounts/account.service.js';
import { requireEmail } from '../../identity/accounts/email.js';
import { ApiKeyGuard, CurrentApiKey } from '../../identity/api-keys/api-key.guard.js';
import type { ApiKey } from '../../identity/api-keys/api-key.store.js';
import { BadUserInputError, NotFoundError } from '../../live/errors/sallyport.errors.js';
import { PublishRate } from '../../live/publish/publish-rate.js';
import { externalViewer } from '../../live/viewer/external-viewer.js';
import { isSource } from '../../live/viewer/external-name.js';
import type { ViewerId } from '../../live/viewer/viewer.js';
import { BackendRule, needs } from './backend-rule.js';
import { fieldsOf } from './body-fields.js';

/** What one look-up counts in the key's rate limit, in events: a thousand in ten seconds, against enumeration. */
const LOOKUP_COUNTS = 1_000;

/**
 * `POST /viewers/find`: the viewer id for an e-mail or an external subject. A POST, because proxies write URLs to their
 * logs. See PROTOCOL.md, section 10.
 */
@Controller()
@UseGuards(ApiKeyGuard)
export class ViewersController {
  constructor(
    private readonly accounts: AccountService,
    private readonly rate: PublishRate,
  ) {}

  /** Answers 404 for an e-mail without an account. */
  @Post('/viewers/find')
  @HttpCode(HttpStatus.OK)
  async find(@CurrentApiKey() key: ApiKey, @Body() body: unknown): Promise<{ readonly viewer: ViewerId }> {
    const { email, source, subject } = fieldsOf(body, ['email', 'source', 'subject']);
    this.rate.spendRest(key, LOOKUP_COUNTS);
    if (email === undefined) return { viewer: externalIn(source, subject) };
    if (source !== undefined || subject !== undefined || typeof email !== 'string')
      throw new BadUserInputError('email', 'Send either email, as text, or source and subject.');
    const account = await this.accounts.find(requireEmail(email));
    if (!account) throw new NotFoundError('There is no account with this e-mail.');
    return { viewer: `user:${account.id}` };
  }
}

function externalIn(source: unknown, subject: unknown): ViewerId {
  if (source === undefined && subject === undefined)
    throw new BadUserInputError('email', 'Send either email, or source and subject.');
  if (!isSource(source))
    throw new BadUserInputError('source', 'source must be 1 to 32 of a-z, 0-9 and -, not starting with -.');
  const viewer = typeof subject === 'string' ? externalViewer(source, subject) : null;
  if (viewer) return viewer.id;
  throw new BadUserInputError('subject', 'subject must be text of 1 to 200 bytes without control characters.');
}

/** The rule of `POST /viewers/find`. */
@Injectable()
export class ViewersRule extends BackendRule {
  override readonly path = '/viewers/find';
  protected override readonly permission = needs('viewers');
}
