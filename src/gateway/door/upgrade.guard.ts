import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { ConnectionFacts } from '../../auth/token/connection-token.verifier.js';
import { HTTP_CONFIG } from '../../config/config.module.js';
import type { HttpConfig } from '../../config/config.js';
import { GRAPHQL_PATH, SUBPROTOCOL } from '../../protocol/payload.js';
import { type AddressRange, parseAddressRanges } from '../../viewer/client-address.js';
import { clientFacts } from '../../viewer/client-facts.js';
import { cleartextTest } from './cleartext.js';
import { NodeCapacity } from './node-capacity.js';
import { isAllowedOrigin, OriginPolicy } from './origin.policy.js';
import type { UpgradeRefusal } from './upgrade-refusal.js';

/** The first door of the socket: decides on an upgrade before the 101, in the protocol's order. */
@Injectable()
export class UpgradeGuard {
  readonly #trusted: readonly AddressRange[];
  readonly #cameInTheClear: (request: IncomingMessage) => boolean;

  constructor(
    private readonly capacity: NodeCapacity,
    private readonly origins: OriginPolicy,
    @Inject(HTTP_CONFIG) http: HttpConfig,
  ) {
    this.#trusted = parseAddressRanges(http.trustedProxies);
    this.#cameInTheClear = cleartextTest(http);
  }

  /** What is known of the peer, for the log and for the token's binding. */
  facts(request: IncomingMessage): ConnectionFacts {
    return { ...clientFacts(request, this.#trusted), origin: request.headers.origin ?? null };
  }

  /**
   * Path, node, address, origin, sub-protocol, token in the URL: the first that fails is the answer.
   * Returns null when the socket may be opened.
   */
  async check(request: IncomingMessage, facts: ConnectionFacts, draining: boolean): Promise<UpgradeRefusal | null> {
    const [path, query = ''] = (request.url ?? '').split('?', 2);
    if (path !== GRAPHQL_PATH) {
      return { status: 404, message: `Sockets are opened at ${GRAPHQL_PATH} and nowhere else.` };
    }
    return (
      this.capacity.refusal(facts.address, draining) ??
      (await this.capacity.count(facts.address)) ??
      (await this.#originRefusal(request)) ??
      protocolRefusal(request, query) ??
      // Counting and an origin policy may take their time, and others have come meanwhile.
      this.capacity.refusal(facts.address, draining)
    );
  }

  async #originRefusal(request: IncomingMessage): Promise<UpgradeRefusal | null> {
    if (this.#cameInTheClear(request)) return { status: 403, message: 'Use wss.' };
    // No Origin at all is no browser: nothing ambient opens the socket, the token decides.
    if (request.headers.origin === undefined) return null;
    const values = valuesOf(request, 'origin');
    if (values.length === 1 && (await isAllowedOrigin(this.origins, values[0]!, 'socket'))) return null;
    return { status: 403, message: 'Pages of this origin may not open sockets here: see ALLOWED_ORIGINS.' };
  }
}

function protocolRefusal(request: IncomingMessage, query: string): UpgradeRefusal | null {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
  if (!offered.includes(SUBPROTOCOL)) return { status: 400, message: `Offer the sub-protocol ${SUBPROTOCOL}.` };
  if (query !== '' && new URLSearchParams(query).has('token')) {
    return { status: 400, message: 'A token in a URL ends up in logs: send it in connection_init.' };
  }
  return null;
}

/** Every value of a header, where Node would join or drop repeated ones. */
function valuesOf(request: IncomingMessage, name: string): string[] {
  return request.rawHeaders.filter((_, index, raw) => index % 2 === 1 && raw[index - 1]!.toLowerCase() === name);
}
