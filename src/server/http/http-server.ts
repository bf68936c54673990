import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { newRequestId, REQUEST_ID_HEADER } from '../../live/logging/request-id.js';

/** How long a connection may take for each part of a request, in milliseconds. */
export interface HttpDeadlines {
  /** From the connection, or from the end of the previous request, until the last header. */
  readonly headersMs: number;
  /** From the first byte of a request to the last byte of its body. */
  readonly requestMs: number;
  /** Between a response and the next request on the same connection. */
  readonly keepAliveMs: number;
  /** Without a byte in either direction while a request is being answered. */
  readonly silenceMs: number;
  /** How often the first two are checked. */
  readonly checkEveryMs: number;
}

/**
 * Enough for a phone on a bad network, and short enough to close connections that send only a byte from time to time.
 */
const DEADLINES: HttpDeadlines = {
  headersMs: 10_000,
  requestMs: 20_000,
  keepAliveMs: 10_000,
  silenceMs: 60_000,
  checkEveryMs: 1_000,
};

/** The most bytes of one request's head. */
const MAX_HEAD_BYTES = 16 * 1024;

/**
 * Creates the HTTP server, with connection deadlines and with our headers in every response, including those to bytes
 * that are not HTTP. Fastify calls it once for each address of `HOST`.
 *
 * @param handler Fastify's
 * @param headers of every response, unless a route overrides them
 */
export function createHttpServer(
  handler: RequestListener,
  headers: Readonly<Record<string, string>>,
  deadlines: HttpDeadlines = DEADLINES,
): Server {
  const lines = Object.entries(headers);
  const server = createServer({
    headersTimeout: deadlines.headersMs,
    requestTimeout: deadlines.requestMs,
    keepAliveTimeout: deadlines.keepAliveMs,
    connectionsCheckingInterval: deadlines.checkEveryMs,
    maxHeaderSize: MAX_HEAD_BYTES,
    // Node's own response to a missing Host lacks our headers: see hasOneHost.
    requireHostHeader: false,
  });
  /** The responses of a connection, in their order, without those that were complete; several if the client pipelines. */
  const answers = new WeakMap<Duplex, ServerResponse[]>();
  server.on('request', (request, response) => {
    const waiting = answers.get(request.socket) ?? [];
    while (waiting[0]?.writableFinished) waiting.shift();
    waiting.push(response);
    answers.set(request.socket, waiting);
    // Set first, so that every response has them. A route may override them.
    for (const [name, value] of lines) response.setHeader(name, value);
    // Not for all connections: before a request the other deadlines apply, and a WebSocket would keep the timer.
    request.socket.setTimeout(deadlines.silenceMs);
    handler(request, response);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const current = answers.get(socket)?.find(({ writableFinished }) => !writableFinished);
    // A partial response must not be followed by another one.
    if (error.code === 'ECONNRESET' || !socket.writable || current?.headersSent) socket.destroy();
    else refuseBytes(socket, error.code, headers);
  });
  // No 100 Continue here: the route may refuse before the body is sent.
  server.on('checkContinue', (request, response) => server.emit('request', request, response));
  server.on('checkExpectation', (_request, response) => {
    const body = bodyOf('Only 100-continue can be expected.');
    response.writeHead(417, headersOf(body, headers)).end(body);
  });
  return server;
}

/** Whether a request has the Host that RFC 9112 §3.2 requires: exactly one in HTTP/1.1, at most one in HTTP/1.0. */
export function hasOneHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts === 1 || (hosts === 0 && httpVersion !== '1.1');
}

/** Answers a request that could not be parsed or did not arrive in time, and closes the connection. */
function refuseBytes(socket: Duplex, code: string | undefined, headers: Readonly<Record<string, string>>): void {
  const [status, message] = explain(code);
  const body = bodyOf(message);
  const lines = Object.entries(headersOf(body, headers)).map(([name, value]) => `${name}: ${value}`);
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines].join('\r\n');
  socket.end(`${head}\r\n\r\n${body}`, () => socket.destroy());
}

function explain(code: string | undefined): readonly [status: number, message: string] {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'The request took too long to arrive.'];
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'The headers are too large.'];
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return [413, 'The chunk extensions are too large.'];
  return [400, 'This is not a well-formed HTTP request.'];
}

function bodyOf(message: string): string {
  return JSON.stringify({ error: { code: 'BAD_USER_INPUT', message } });
}

/** @param common of every response */
function headersOf(body: string, common: Readonly<Record<string, string>>): Record<string, string> {
  return {
    ...common,
    [REQUEST_ID_HEADER]: newRequestId(),
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  };
}
