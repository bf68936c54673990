import { connect } from 'node:net';

/** A server's response to raw bytes. */
export interface RawResponse {
  readonly status: number;
  /** By lower-case name; repeated headers are joined with a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** Whether a `100 Continue` came first. */
  readonly invited: boolean;
}

const TIMEOUT_MS = 10_000;
const INVITATION = /^HTTP\/1\.1 100[^]*?\r\n\r\n/;

/**
 * Sends bytes over a bare socket and resolves with the first complete response, or with status 0 if the server closes the
 * connection without one. Fails if neither happens within 10 s.
 *
 * @param request the bytes to send; {@link requestBytes} builds an ordinary request
 * @param timeoutMs resolves with status 0 after this much silence, for requests that a server may rightly keep waiting
 *   for
 */
export function rawHttp(url: string, request: string | Buffer, timeoutMs?: number): Promise<RawResponse> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(request));
    const finish = (): void => {
      socket.destroy();
      resolve(parseResponse(received));
    };
    socket.setTimeout(timeoutMs ?? TIMEOUT_MS, () => {
      if (timeoutMs) finish();
      else socket.destroy(new Error(`no answer, or not ended; received: ${received}`));
    });
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      received += String(chunk);
      if (isWhole(received.replace(INVITATION, ''))) finish();
    });
    socket.on('end', finish);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (received !== '' || error.code === 'ECONNRESET' || error.code === 'EPIPE') finish();
      else reject(error);
    });
  });
}

/** Builds a request: request line, headers in the given order and spelling, body. */
export function requestBytes(
  requestLine: string,
  headers: readonly (readonly [name: string, value: string])[],
  body = '',
): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  return Buffer.from([requestLine, ...lines, '', body].join('\r\n'), 'utf8');
}

/** Encodes a body with HTTP/1.1 chunked encoding. */
export function chunked(body: string, size = 16_384): string {
  const parts = Array.from({ length: Math.ceil(body.length / size) }, (_, index) =>
    body.slice(index * size, (index + 1) * size),
  );
  return [...parts, ''].map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('');
}

function isWhole(text: string): boolean {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const length = /^content-length: *(\d+)/im.exec(text.slice(0, headEnd))?.[1];
  if (length !== undefined) return text.length >= headEnd + 4 + Number(length);
  return /^HTTP\/1\.1 (?:204|304)/.test(text) || text.endsWith('0\r\n\r\n');
}

/** Parses a response, decoded as Latin-1. */
export function parseResponse(text: string): RawResponse {
  const whole = text.replace(INVITATION, '');
  const [head = '', body = ''] = whole.split(/\r\n\r\n(.*)/s);
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [name = '', value = ''] = line.split(/:\s*(.*)/s);
    const known = headers.get(name.toLowerCase());
    headers.set(name.toLowerCase(), known === undefined ? value : `${known}, ${value}`);
  }
  return { status: Number(statusLine.split(' ')[1] ?? 0), headers, body, invited: whole !== text };
}
