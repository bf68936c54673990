import { Controller, Get, Injectable, Query, UseGuards } from '@nestjs/common';
import { ApiKeyGuard, CurrentApiKey } from '../../identity/api-keys/api-key.guard.js';
import type { ApiKey } from '../../identity/api-keys/api-key.store.js';
import { BadUserInputError } from '../../live/errors/sallyport.errors.js';
import { Presence } from '../../live/presence/presence.js';
import { PublishRate } from '../../live/publish/publish-rate.js';
import type { ViewerId } from '../../live/viewer/viewer.js';
import { BackendQueryRule, needs } from './backend-rule.js';
import { QueryParameters, viewerIn } from './query-parameters.js';

/** The most viewers in one request. */
export const MAX_VIEWERS = 100;

/** The open sockets of one viewer over all nodes. */
export interface ViewerState {
  readonly viewer: ViewerId;
  readonly online: boolean;
  /** 0 for a viewer who is offline. */
  readonly connections: number;
  /** When the oldest open socket was opened, ISO 8601 in UTC; null for a viewer who is offline. */
  readonly since: string | null;
}

/** `GET /presence`: which viewers are online. See PROTOCOL.md, section 10. */
@Controller()
@UseGuards(ApiKeyGuard)
export class PresenceController {
  constructor(
    private readonly presence: Presence,
    private readonly rate: PublishRate,
  ) {}

  /** One result for each `viewer` of the query, in their order. */
  @Get('/presence')
  async find(@CurrentApiKey() key: ApiKey, @Query() query: unknown): Promise<{ viewers: readonly ViewerState[] }> {
    const viewers = new QueryParameters(query, ['viewer']).all('viewer').map(viewerIn);
    if (viewers.length === 0 || viewers.length > MAX_VIEWERS)
      throw new BadUserInputError('viewer', `Send viewer 1 to ${MAX_VIEWERS} times: ?viewer=…&viewer=…`);
    this.rate.spendRest(key, viewers.length);
    const connected = await this.presence.among([...new Set(viewers)]);
    return {
      viewers: viewers.map((viewer) => {
        const sockets = connected.get(viewer);
        const since = sockets?.since.toISOString() ?? null;
        return { viewer, online: sockets !== undefined, connections: sockets?.connections ?? 0, since };
      }),
    };
  }
}

/** The rule of `GET /presence`. */
@Injectable()
export class PresenceRule extends BackendQueryRule {
  override readonly path = '/presence';
  protected override readonly permission = needs('presence');
}
