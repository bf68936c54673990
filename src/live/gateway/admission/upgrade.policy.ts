import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import type { ConnectionFacts } from '../connection/connection.js';
import { GATEWAY_CONFIG, type GatewayConfig } from '../../live.config.js';
import { bareHeaders } from './security-headers.js';
import { SUBPROTOCOL } from '../../../protocol/payload.js';
import { type AddressRange, clientFacts, peerTest } from '../../viewer/client-address.js';
import { REQUEST_ID_HEADER, requestIdOf } from '../../logging/request-id.js';
import { cleartextTest } from './cleartext.js';
import { GatewayMetrics } from './gateway.metrics.js';
import { NodeCapacity } from './node-capacity.js';
import { LATER, type UpgradeRefusal } from './upgrade-refusal.js';
import { isAllowedOrigin, OriginPolicy } from './origin.policy.js';

const RESTARTING: UpgradeRefusal = { status: 503, message: 'This node is restarting.', ...LATER };

const WEBSOCKET_VERSION = '13';
/** 16 bytes in base64 (RFC 6455 §4.1). */
const HANDSHAKE_KEY = /^[+/0-9A-Za-z]{22}==$/;

/** Decides on an upgrade before the 101, in the protocol's order. */
@Injectable()
export class UpgradePolicy {
  readonly #headers: Readonly<Record<string, string>>;
  readonly #trusted: readonly AddressRange[];
  readonly #isTrusted: (peer: string | undefined) => boolean;
  readonly #cameInTheClear: (request: IncomingMessage) => boolean;

  constructor(
    private readonly capacity: NodeCapacity,
    private readonly origins: OriginPolicy,
    private readonly metrics: GatewayMetrics,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {
    this.#trusted = config.trustedProxies;
    this.#isTrusted = peerTest(this.#trusted);
    this.#cameInTheClear = cleartextTest(config);
    this.#headers = bareHeaders(config);
  }

  /** Whether an upgrade asks for the path of our socket. */
  isOurs({ url = '' }: IncomingMessage): boolean {
    const { path } = this.config;
    return url.startsWith(path) && (url.length === path.length || url[path.length] === '?');
  }

  /** What is known about the peer, for the log and for the token's binding. */
  facts(request: IncomingMessage): ConnectionFacts {
    const origin = request.headers.origin ?? null;
    const { address, userAgent } = clientFacts(request, this.#trusted);
    return { address, userAgent, origin, requestId: requestIdOf(request, this.#isTrusted) };
  }

  /** Ends the socket of an upgrade that failed because of a server error. */
  failed(socket: Duplex, error: unknown, facts: ConnectionFacts): void {
    this.metrics.upgradeFailed(facts, error);
    socket.destroy();
  }

  /** Answers a refused upgrade in plain HTTP, ends its socket, and reports it. */
  refuse(socket: Duplex, refusal: UpgradeRefusal, facts: ConnectionFacts): void {
    this.metrics.upgradeRefused(refusal, facts);
    const { status, message, retryAfterSeconds } = refusal;
    const headers = {
      ...this.#headers,
      [REQUEST_ID_HEADER]: facts.requestId,
      Connection: 'close',
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(message)),
      ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }),
      ...(status === 405 ? { Allow: 'GET' } : {}),
      ...(status === 426 ? { Upgrade: 'websocket', 'Sec-WebSocket-Version': WEBSOCKET_VERSION } : {}),
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`;
    socket.end(head + message, () => socket.destroy());
  }

  /**
   * Checks path, HTTP, node, address, origin, subprotocol, token in the URL and handshake; the first failure is the
   * result. Returns null if the socket may be opened, unless {@link nodeRefusal} has changed meanwhile.
   */
  async check(request: IncomingMessage, facts: ConnectionFacts, isDraining: boolean): Promise<UpgradeRefusal | null> {
    const { url = '' } = request;
    const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : '';
    if (!this.isOurs(request)) {
      return { status: 404, message: `Sockets are opened at ${this.config.path} and nowhere else.` };
    }
    return (
      httpRefusal(request) ??
      this.nodeRefusal(facts, isDraining) ??
      (await this.capacity.count(facts.address)) ??
      (await this.#originRefusal(request)) ??
      protocolRefusal(request, query) ??
      handshakeRefusal(request)
    );
  }

  /** Whether the node is draining or full, or has too many sockets of this address; null if the socket may be opened. */
  nodeRefusal({ address }: ConnectionFacts, isDraining: boolean): UpgradeRefusal | null {
    return isDraining ? RESTARTING : this.capacity.refusal(address);
  }

  async #originRefusal(request: IncomingMessage): Promise<UpgradeRefusal | null> {
    if (this.#cameInTheClear(request)) return { status: 403, message: 'Use wss.' };
    // A request without Origin is not from a browser. No cookie opens the socket, so the token decides.
    if (request.headers.origin === undefined) return null;
    const values = valuesOf(request, 'origin');
    if (values.length === 1 && (await isAllowedOrigin(this.origins, values[0]!, 'socket', request.headers.host)))
      return null;
    const { originsSetting = 'ALLOWED_ORIGINS' } = this.config;
    return { status: 403, message: `Pages of this origin may not open sockets here: see ${originsSetting}.` };
  }
}

/**
 * What RFC 6455 §4.2.1 requires of the request, and exactly one Host, so that no intermediary can have used another
 * one.
 */
function httpRefusal(request: IncomingMessage): UpgradeRefusal | null {
  if (request.httpVersionMajor === 1 && request.httpVersionMinor < 1) return { status: 400, message: 'Use HTTP/1.1.' };
  if (valuesOf(request, 'host').length !== 1) return { status: 400, message: 'Send one Host header.' };
  if (request.method !== 'GET') return { status: 405, message: 'Sockets are opened by GET.' };
  return null;
}

function handshakeRefusal(request: IncomingMessage): UpgradeRefusal | null {
  if (request.headers['sec-websocket-version'] !== WEBSOCKET_VERSION) {
    return { status: 426, message: `Use version ${WEBSOCKET_VERSION} of the WebSocket protocol.` };
  }
  if (HANDSHAKE_KEY.test(request.headers['sec-websocket-key'] ?? '')) return null;
  return { status: 400, message: 'Send a Sec-WebSocket-Key.' };
}

function protocolRefusal(request: IncomingMessage, query: string): UpgradeRefusal | null {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
  if (!offered.includes(SUBPROTOCOL)) return { status: 400, message: `Offer the subprotocol ${SUBPROTOCOL}.` };
  if (query !== '' && new URLSearchParams(query).has('token')) {
    return { status: 400, message: 'A token in a URL ends up in logs: send it in connection_init.' };
  }
  return null;
}

/** Every value of a header. (Node's `headers` joins or drops repeated ones.) */
function valuesOf(request: IncomingMessage, name: string): string[] {
  const { rawHeaders } = request;
  const values: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const header = rawHeaders[at]!;
    if (header.length === name.length && header.toLowerCase() === name) values.push(rawHeaders[at + 1]!);
  }
  return values;
}
