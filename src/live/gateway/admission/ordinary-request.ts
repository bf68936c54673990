import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

/** Headers that ask for another protocol and have no meaning if it is not accepted (RFC 9110 §7.8, RFC 7540 §3.2.1). */
const ABOUT_UPGRADING = new Set(['upgrade', 'http2-settings']);

/** Whether a request asks for a WebSocket. Other protocols are not supported. */
export function asksForWebSocket({ headers }: IncomingMessage): boolean {
  const { upgrade = '' } = headers;
  return (
    upgrade === 'websocket' || upgrade.split(',').some((protocol) => protocol.trim().toLowerCase() === 'websocket')
  );
}

/**
 * Serves requests that Node treats as upgrades as ordinary requests: a server may ignore an Upgrade that it does not
 * want (RFC 9110 §7.8), and Java's HttpClient and curl send `h2c` with every first request.
 *
 * Node treats a request as an upgrade if there is an upgrade listener (`shouldUpgradeCallback` exists only from 24.9
 * on). So the request's head is put back in front of the bytes that followed it, without the upgrade headers, and the
 * server reads the socket again from there.
 */
export class OrdinaryRequests {
  readonly #answers = new WeakMap<Socket, ServerResponse>();
  /** By which the server takes a socket: one of https has been decrypted already. */
  readonly #connected: 'connection' | 'secureConnection';

  constructor(private readonly server: Server) {
    this.#connected = server instanceof TlsServer ? 'secureConnection' : 'connection';
    server.on('request', ({ socket }, answer) => this.#answers.set(socket, answer));
  }

  /** @param head the bytes that the client sent after the request's head */
  serve(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const drop = (): void => void socket.destroy();
    const again = (): void => {
      // The error of a failed write is still to come.
      if (!socket.writable) return;
      socket.off('error', drop);
      socket.unshift(Buffer.concat([Buffer.from(headOf(request), 'latin1'), head]));
      this.server.emit(this.#connected, socket);
    };
    // Node does not listen for errors of this socket now, and one that nobody listens for ends the process.
    socket.on('error', drop);
    const earlier = this.#answers.get(socket);
    // Responses must be in the order of the requests, also if the client pipelines them.
    if (earlier && !earlier.closed) earlier.once('close', again);
    else again();
  }
}

function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
    const kept = keptValue(name.toLowerCase(), value);
    if (kept !== null) lines.push(`${name}: ${kept}`);
  }
  return [...lines, '', ''].join('\r\n');
}

function keptValue(name: string, value: string): string | null {
  if (ABOUT_UPGRADING.has(name)) return null;
  if (name !== 'connection') return value;
  const options = value.split(',').map((option) => option.trim());
  const kept = options.filter((option) => !ABOUT_UPGRADING.has(option.toLowerCase()));
  return kept.length > 0 ? kept.join(', ') : null;
}
