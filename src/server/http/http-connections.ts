import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { asksForWebSocket } from '../../live/gateway/admission/ordinary-request.js';
import { addressBlock, normalizeAddress } from '../../live/viewer/client-address.js';

/** How many HTTP connections there may be at the same time. */
export interface HttpConnectionLimits {
  readonly total: number;
  readonly perAddress: number;
  /** The most connections to accept, WebSockets included. */
  readonly ceiling: number;
  /** Whether an address has no limit, such as a trusted proxy, which represents many clients. */
  readonly exempt: (address: string) => boolean;
}

/** Why a connection was closed: for a newer one, or because there was no room. */
export type HttpConnectionEnd = 'evicted' | 'refused';

/** Connections beyond the total, for probes only, so that a busy node is not considered dead. */
const SPARE = 16;
/**
 * How long new connections may exceed their address's limit, in ms, since clients that connect in a burst send their
 * requests shortly.
 */
const GRACE_MS = 1_000;
/**
 * How long a response protects its connection from being closed, in ms; after that the client may be one that does not
 * read.
 */
const LONGEST_ANSWER_MS = 30_000;
/** The most connections that are checked to find one that may be closed. */
const MOST_LOOKS = 64;

interface Connection {
  readonly socket: Socket;
  readonly block: string;
  readonly spare: boolean;
  /** When it was opened, its latest request began, or its latest request was answered. */
  sinceMs: number;
  request: IncomingMessage | null;
  response: ServerResponse | null;
}

/**
 * Limits HTTP connections, in total and per address. If there is no room, the connection that has waited longest for
 * its request is closed, so that connections that send a byte from time to time never block others. A connection that
 * has become a WebSocket is no longer counted here.
 */
export class HttpConnections {
  readonly #bySocket = new Map<Socket, Connection>();
  /** The one that has waited longest is first, here and in each address's set. */
  readonly #all = new Set<Connection>();
  readonly #byBlock = new Map<string, Set<Connection>>();
  /**
   * One listener for all sockets, removed when a socket becomes a WebSocket, since there may be many thousands of
   * those.
   */
  readonly #onClose: (this: Socket) => void;

  /** @param ended called for each connection that was closed, with its address (IPv6: its /64) */
  constructor(
    private readonly limits: HttpConnectionLimits,
    private readonly ended: (end: HttpConnectionEnd, block: string) => void,
  ) {
    const close = (socket: Socket): void => this.#close(socket);
    this.#onClose = function onClose(this: Socket): void {
      close(this);
    };
  }

  /** The number of connections. */
  get size(): number {
    return this.#all.size;
  }

  /** Watches a server and returns it. Called before it listens. */
  attach(server: Server): Server {
    if (Number.isFinite(this.limits.ceiling)) server.maxConnections = this.limits.ceiling;
    server.on('connection', (socket) => this.#open(socket));
    server.on('request', (request, response) => this.#answering(request, response));
    server.on('upgrade', (request, socket: Socket) => {
      if (asksForWebSocket(request)) this.#close(socket);
    });
    return server;
  }

  /** Whether a connection was accepted beyond the total: for probes, and for one request. */
  isSpare(socket: Socket): boolean {
    return this.#bySocket.get(socket)?.spare === true;
  }

  #open(socket: Socket): void {
    // After an upgrade that is ignored, the server reads the same socket again.
    if (this.#bySocket.has(socket)) return;
    const address = normalizeAddress(socket.remoteAddress ?? '') ?? 'unknown';
    const block = addressBlock(address);
    const hasRoom = this.#makeRoom(block, address);
    if (!hasRoom && this.size >= this.limits.total + SPARE) {
      this.ended('refused', block);
      socket.destroy();
      return;
    }
    const connection: Connection = {
      socket,
      block,
      spare: !hasRoom,
      sinceMs: performance.now(),
      request: null,
      response: null,
    };
    this.#bySocket.set(socket, connection);
    this.#all.add(connection);
    const ofBlock = this.#byBlock.get(block) ?? new Set();
    this.#byBlock.set(block, ofBlock.add(connection));
    socket.on('close', this.#onClose);
  }

  /** Whether one more connection fits, after closing others if needed. */
  #makeRoom(block: string, address: string): boolean {
    const ofBlock = this.#byBlock.get(block);
    const isCrowded = ofBlock !== undefined && ofBlock.size >= this.limits.perAddress && !this.limits.exempt(address);
    if (isCrowded && !this.#shrink(ofBlock, this.limits.perAddress, GRACE_MS)) return false;
    return this.#shrink(this.#all, this.limits.total, 0);
  }

  /** Closes connections until one more fits under a limit; connections of the last `graceMs` may exceed it. */
  #shrink(among: Set<Connection>, bound: number, graceMs: number): boolean {
    while (among.size >= bound) {
      const [oldest] = among;
      if (oldest && performance.now() - oldest.sinceMs < graceMs) return true;
      if (!this.#evictOne(among)) return false;
    }
    return true;
  }

  #evictOne(among: Set<Connection>): boolean {
    let looks = 0;
    for (const connection of among) {
      if (++looks > MOST_LOOKS) return false;
      if (mayGo(connection)) {
        this.ended('evicted', connection.block);
        this.#close(connection.socket);
        connection.socket.destroy();
        return true;
      }
      this.#toTheEnd(connection);
    }
    return false;
  }

  #answering(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#bySocket.get(request.socket);
    if (!connection) return;
    connection.request = request;
    connection.response = response;
    this.#restart(connection);
    if (connection.spare) response.setHeader('Connection', 'close');
    response.once('close', () => {
      // The next request of a pipelining client may have arrived already.
      if (connection.response !== response || !this.#all.has(connection)) return;
      connection.request = connection.response = null;
      this.#restart(connection);
    });
  }

  #restart(connection: Connection): void {
    connection.sinceMs = performance.now();
    this.#toTheEnd(connection);
  }

  #toTheEnd(connection: Connection): void {
    this.#all.delete(connection);
    this.#all.add(connection);
    const ofBlock = this.#byBlock.get(connection.block);
    ofBlock?.delete(connection);
    ofBlock?.add(connection);
  }

  #close(socket: Socket): void {
    const connection = this.#bySocket.get(socket);
    if (!connection) return;
    socket.off('close', this.#onClose);
    this.#bySocket.delete(socket);
    this.#all.delete(connection);
    const ofBlock = this.#byBlock.get(connection.block);
    ofBlock?.delete(connection);
    if (ofBlock?.size === 0) this.#byBlock.delete(connection.block);
  }
}

/** Whether a connection waits for its client: to send a request or the rest of one, or to read the response. */
function mayGo({ request, response, sinceMs }: Connection): boolean {
  const isAtWork = request?.complete === true && response?.writableEnded === false;
  return !isAtWork || performance.now() - sinceMs > LONGEST_ANSWER_MS;
}
