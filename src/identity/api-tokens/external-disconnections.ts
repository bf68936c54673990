import { Inject, Injectable } from '@nestjs/common';
import { externalSession, isExternalSession } from '../../live/sessions/external-session.js';
import { TokenRevocations } from '../../live/sessions/token-revocations.js';
import { decodeExternalName, isSource } from '../../live/viewer/external-name.js';
import type { ViewerId } from '../../live/viewer/viewer.js';
import { tokenSources } from '../api-keys/api-key-scopes.js';
import type { ApiKey } from '../api-keys/api-key.store.js';
import { ApiKeys } from '../api-keys/api-keys.service.js';
import { ISSUERS_CONFIG, type IssuersConfig } from '../identity.config.js';

/** Ends sockets and tokens of viewers and sessions without an account here: of other backends, shops and providers. */
@Injectable()
export class ExternalDisconnections {
  constructor(
    private readonly revocations: TokenRevocations,
    private readonly keys: ApiKeys,
    @Inject(ISSUERS_CONFIG) private readonly config: IssuersConfig,
  ) {}

  /** @throws UnavailableError when a store is unavailable */
  endViewer(viewer: ViewerId): Promise<void> {
    return this.revocations.revokeViewer(viewer);
  }

  /**
   * Whether text can be an external session: its whole id `external:<source>:<session>` in canonical spelling, or its
   * name.
   */
  isSession(text: string): boolean {
    return isExternalSession(text) ? isCanonical(text) : externalSession('any', text) !== null;
  }

  /**
   * Ends a session by its whole id, or by its name in the sources for which the key may make tokens; for a key without
   * such a scope, in those of all keys, revoked ones included, and of the trusted issuers.
   *
   * @throws UnavailableError when a store is unavailable
   */
  async endSession(session: string, key: ApiKey): Promise<void> {
    const ids = isExternalSession(session) ? [session] : await this.#sessionsNamed(session, key);
    for (const id of ids) await this.revocations.revokeSession(id);
  }

  async #sessionsNamed(name: string, key: ApiKey): Promise<readonly string[]> {
    const own = tokenSources(key.scopes);
    const sources = own.length > 0 ? own : await this.#allSources();
    return [...new Set(sources)].flatMap((source) => externalSession(source, name) ?? []);
  }

  async #allSources(): Promise<readonly string[]> {
    return [...(await this.keys.tokenSources()), ...this.config.issuers.map(({ source }) => source)];
  }
}

function isCanonical(id: string): boolean {
  const [, source = '', name = ''] = /^external:([^:]*):(.*)$/.exec(id) ?? [];
  return isSource(source) && decodeExternalName(name) !== null;
}
