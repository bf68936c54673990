import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/** Headers that ask for another protocol and mean nothing where it is not taken up (RFC 9110 §7.8, RFC 7540 §3.2.1). */
const ABOUT_UPGRADING = new Set(['upgrade', 'http2-settings']);

/** Whether a request asks for a WebSocket. Any other protocol that it offers is not spoken here. */
export function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return (headers.upgrade ?? '').split(',').some((protocol) => protocol.trim().toLowerCase() === 'websocket');
}

/**
 * Serves a request that Node took for an upgrade as the ordinary one that it is: a server may ignore an Upgrade that it does
 * not want (RFC 9110 §7.8), and Java's HttpClient and curl send `h2c` with every first request.
 *
 * Node decides by whether anybody listens for upgrades (`shouldUpgradeCallback` exists from 24.9 on only), so the request's head
 * is put back before what followed it, without what asks to upgrade, and the server reads the socket from there.
 */
export function serveAsOrdinary(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const lines: string[] = [];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(at, at + 2);
    const kept = keptValue(name.toLowerCase(), value);
    if (kept !== null) lines.push(`${name}: ${kept}`);
  }
  const start = `${request.method} ${request.url} HTTP/${request.httpVersion}`;
  const text = [start, ...lines, '', ''].join('\r\n');
  socket.unshift(Buffer.concat([Buffer.from(text, 'latin1'), head]));
  server.emit('connection', socket);
}

function keptValue(name: string, value: string): string | null {
  if (ABOUT_UPGRADING.has(name)) return null;
  if (name !== 'connection') return value;
  const options = value.split(',').map((option) => option.trim());
  const kept = options.filter((option) => !ABOUT_UPGRADING.has(option.toLowerCase()));
  return kept.length > 0 ? kept.join(', ') : null;
}
