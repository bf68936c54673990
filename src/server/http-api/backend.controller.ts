import { Body, Controller, HttpCode, HttpStatus, Post, UseGuards, Injectable } from '@nestjs/common';
import {
  ApiKeyGuard,
  CallerAddress,
  CurrentApiKey,
  type KeyPermission,
} from '../../identity/api-keys/api-key.guard.js';
import type { ApiKey } from '../../identity/api-keys/api-key.store.js';
import { ApiKeys } from '../../identity/api-keys/api-keys.service.js';
import { tokenSources } from '../../identity/api-keys/api-key-scopes.js';
import { ApiTokens } from '../../identity/api-tokens/api-tokens.service.js';
import { Disconnections } from '../../identity/api-tokens/disconnections.service.js';
import { BadUserInputError } from '../../live/errors/sallyport.errors.js';
import { externalSession } from '../../live/sessions/external-session.js';
import { MAX_TOKEN_LIFE_SECONDS } from '../../live/tokens/token-claims.js';
import { asExternal, type ExternalViewer } from '../../live/viewer/external-viewer.js';
import { parseViewerId, VIEWER_ID_FORMS } from '../../live/viewer/viewer.js';
import { BackendRule, needs } from './backend-rule.js';
import { fieldsOf } from './body-fields.js';

/** The response of `POST /tokens`. */
export interface TokenAnswer {
  readonly token: string;
  /** ISO 8601, UTC. */
  readonly expiresAt: string;
}

/**
 * `POST /tokens` and `POST /disconnect`: tokens and disconnects for another backend's users. See PROTOCOL.md, section
 * 9.
 */
@Controller()
@UseGuards(ApiKeyGuard)
export class BackendController {
  constructor(
    private readonly tokens: ApiTokens,
    private readonly disconnections: Disconnections,
    private readonly keys: ApiKeys,
  ) {}

  /** Returns a token for a viewer of a source that is in the key's scopes. */
  @Post('/tokens')
  @HttpCode(HttpStatus.OK)
  async token(
    @CurrentApiKey() key: ApiKey,
    @CallerAddress() address: string,
    @Body() body: unknown,
  ): Promise<TokenAnswer> {
    const fields = fieldsOf(body, ['viewer', 'session', 'expiresInSeconds']);
    const viewer = externalViewerIn(fields['viewer']);
    if (!tokenSources(key.scopes).includes(viewer.source))
      throw this.keys.outOfScope(key, `tokens:${viewer.source}`, address);
    const session = sessionIn(fields['session'], viewer);
    const { token, expiresAt } = await this.tokens.sign({ viewer, session }, secondsIn(fields['expiresInSeconds']));
    return { token, expiresAt: expiresAt.toISOString() };
  }

  /** Answers when every reachable node has been notified and the sockets have closed. */
  @Post('/disconnect')
  @HttpCode(HttpStatus.OK)
  async disconnect(
    @CurrentApiKey() key: ApiKey,
    @CallerAddress() address: string,
    @Body() body: unknown,
  ): Promise<Record<string, never>> {
    const { viewer, session } = fieldsOf(body, ['viewer', 'session']);
    if (isAbsent(viewer) === isAbsent(session)) throw new BadUserInputError('viewer', 'Send either viewer or session.');
    if (!isAbsent(viewer)) {
      const id = parseViewerId(viewer);
      if (!id) throw new BadUserInputError('viewer', `viewer must be a viewer id: ${VIEWER_ID_FORMS}.`);
      await this.disconnections.endViewer(id, { by: 'backend', name: key.name, address });
    } else if (typeof session !== 'string' || !(await this.disconnections.endSession(session, key, address))) {
      const forms =
        "an account's session id, external:<source>:<session>, or a session id of a source for which a key has the scope tokens:<source>";
      throw new BadUserInputError('session', `session must be ${forms}.`);
    }
    return {};
  }
}

/** Whether an optional field is not given; null says the same. */
function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

function externalViewerIn(value: unknown): ExternalViewer {
  const id = parseViewerId(value);
  const viewer = id && asExternal(id);
  if (!viewer) throw new BadUserInputError('viewer', 'viewer must be external:<source>:<subject>.');
  return viewer;
}

function sessionIn(value: unknown, viewer: ExternalViewer): string | null {
  if (isAbsent(value)) return null;
  const session = typeof value === 'string' ? externalSession(viewer.source, value) : null;
  if (session === null)
    throw new BadUserInputError('session', 'session must be text of 1 to 200 bytes without control characters.');
  return session;
}

function secondsIn(value: unknown): number | undefined {
  if (isAbsent(value)) return undefined;
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_TOKEN_LIFE_SECONDS) return Number(value);
  throw new BadUserInputError(
    'expiresInSeconds',
    `expiresInSeconds must be a whole number from 1 to ${MAX_TOKEN_LIFE_SECONDS}.`,
  );
}

/** The rule of `POST /tokens`. The source's scope is checked when the body has been read. */
@Injectable()
export class TokensRule extends BackendRule {
  override readonly path = '/tokens';
  protected override readonly permission: KeyPermission = {
    scope: 'tokens:<source>',
    isAllowed: (scopes) => tokenSources(scopes).length > 0,
  };
}

/** The rule of `POST /disconnect`. */
@Injectable()
export class DisconnectRule extends BackendRule {
  override readonly path = '/disconnect';
  protected override readonly permission = needs('disconnect');
}
