import { connect } from 'node:net';
import { GRAPHQL_PATH, SUBPROTOCOL } from '../../src/protocol/payload.js';
import { parseResponse, type RawResponse } from './raw-http.js';

function upgradeHeaders(url: string): Record<string, string> {
  return {
    host: new URL(url).host,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-protocol': SUBPROTOCOL,
  };
}

/** A server's response to an upgrade request. */
export interface UpgradeResponse extends RawResponse {
  /** Whether the server closed the connection after the response. */
  readonly destroyed: boolean;
}

/** How an upgrade request differs from an ordinary one. */
export interface UpgradeRequest {
  /** Path and query; default `/graphql`. */
  readonly path?: string;
  /** Headers, in lower case, that are added to or replace the ordinary ones; null omits one. */
  readonly headers?: Readonly<Record<string, string | null>>;
}

/**
 * Sends one upgrade request over a bare socket. Resolves when the server switches protocols (the socket is then
 * destroyed) or closes the connection. Fails if neither happens within 10 s.
 */
export function rawUpgrade(url: string, request: UpgradeRequest = {}): Promise<UpgradeResponse> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(upgradeRequest(url, request)));
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no answer, or not ended; received: ${received}`)));
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      received += String(chunk);
      if (!received.startsWith('HTTP/1.1 101') || !received.includes('\r\n\r\n')) return;
      socket.destroy();
      resolve({ ...parseResponse(received), destroyed: false });
    });
    socket.on('error', (error) =>
      received ? resolve({ ...parseResponse(received), destroyed: true }) : reject(error),
    );
    socket.on('end', () => {
      socket.destroy();
      resolve({ ...parseResponse(received), destroyed: true });
    });
  });
}

/** Builds an upgrade request. */
export function upgradeRequest(url: string, { path = GRAPHQL_PATH, headers = {} }: UpgradeRequest = {}): string {
  const lines = Object.entries({ ...upgradeHeaders(url), ...headers }).filter(([, value]) => value !== null);
  return [`GET ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
}
