import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Headers that ask for another protocol and mean nothing where it is not taken up (RFC 9110 §7.8, RFC 7540 §3.2.1). */
const ABOUT_UPGRADING = new Set(['upgrade', 'http2-settings']);

/** Whether a request asks for a WebSocket. Any other protocol that it offers is not spoken here. */
export function asksForWebSocket({ headers }: IncomingMessage): boolean {
  const { upgrade = '' } = headers;
  return (
    upgrade === 'websocket' || upgrade.split(',').some((protocol) => protocol.trim().toLowerCase() === 'websocket')
  );
}

/**
 * Serves requests that Node takes for upgrades as the ordinary ones that they are: a server may ignore an Upgrade that it does
 * not want (RFC 9110 §7.8), and Java's HttpClient and curl send `h2c` with every first request.
 *
 * Node decides by whether anybody listens for upgrades (`shouldUpgradeCallback` exists from 24.9 on only), so the request's head
 * is put back before what followed it, without what asks to upgrade, and the server reads the socket from there.
 */
export class OrdinaryRequests {
  readonly #answers = new WeakMap<Socket, ServerResponse>();

  constructor(private readonly server: Server) {
    server.on('request', ({ socket }, answer) => this.#answers.set(socket, answer));
  }

  /** @param head what the client has sent behind the request's head */
  serve(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const again = (): void => {
      if (!socket.writable) return;
      socket.unshift(Buffer.concat([Buffer.from(headOf(request), 'latin1'), head]));
      this.server.emit('connection', socket);
    };
    const earlier = this.#answers.get(socket);
    // Answers come in the order of the requests, also where a client does not wait for them.
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
