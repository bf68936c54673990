import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { FrameCounter, OPCODE, clientFrame } from './frames.mjs';

const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);
// Binding looks through a quarter of the machine's 28,000 ports: where that is nearly full, the kernel searches for long.
const SOCKETS_PER_ADDRESS = 2000;
const EMPTY = Buffer.alloc(0);
const ACCEPTED = Buffer.from('HTTP/1.1 101');

function upgradeRequest(port, path, graphql) {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  if (graphql) lines.push('Sec-WebSocket-Protocol: graphql-transport-ws');
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}

/**
 * The texts of one client of {@link Sockets}. Each Subscribe has an id of its own, as clients draw one for every operation.
 *
 * @param init the payload of connection_init
 * @param subscriptions of lib/feeds.mjs, or others with a `query`
 */
export function messagesOf(init, ...subscriptions) {
  return {
    first: JSON.stringify({ type: 'connection_init', payload: init }),
    second: subscriptions.map(({ query, operationName, extensions }) =>
      JSON.stringify({ id: randomUUID(), type: 'subscribe', payload: { query, operationName, extensions } }),
    ),
  };
}

/**
 * Many WebSocket clients on raw TCP. Handshake and frames by hand; everything to send is made before the clock starts.
 */
export class Sockets {
  /** Data frames received after each socket's opening. */
  delivered = 0;
  /** Close codes seen, by number of sockets. */
  closes = {};
  opened = 0;
  failed = 0;
  /** The first payloads of some sockets, to see that what is counted is what was asked for. */
  samples = [];
  /** Called after each delivered frame, when set. */
  onDelivered = null;
  /** Called with each payload when set; makes the generator read payloads, so only for latency. */
  onEvent = null;
  #sockets = [];
  #options;

  /**
   * @param options.port where the server listens
   * @param options.graphql false for bare `ws`: one message instead of connection_init and subscribe
   * @param options.clients `[{ first, second }]`: the text sent after the upgrade, and those sent after the ack
   * @param options.onClosed called with the index and close code of every socket that the server ends
   * @param options.ignoresClose whether a Close is not answered, so that the arrival of many is not delayed by answers
   * @param options.onSettled called with the index of every socket, and whether it was acknowledged
   */
  constructor(options) {
    this.#options = { path: '/graphql', ...options };
  }

  /** Opens all clients, `atOnce` in flight. Resolves with the seconds it took. */
  open(atOnce = 128) {
    return this.openMore(this.#options.clients, atOnce);
  }

  /** Opens these clients beside those that are open. As {@link open}. */
  openMore(clients, atOnce = 128) {
    const { port, path, graphql } = this.#options;
    const request = upgradeRequest(port, path, graphql);
    const prepared = clients.map(({ first, second }) => ({
      first: clientFrame(first),
      second: Buffer.concat(second.map((text) => clientFrame(text))),
    }));
    if (prepared.length === 0) return Promise.resolve(0);
    const offset = this.#sockets.length;
    return new Promise((resolve) => {
      let next = 0;
      let done = 0;
      const started = process.hrtime.bigint();
      const settle = () => {
        if (++done === prepared.length) resolve(Number(process.hrtime.bigint() - started) / 1e9);
        else if (next < prepared.length) this.#openOne(offset + next, prepared[next++], request, settle);
      };
      while (next < Math.min(atOnce, prepared.length)) this.#openOne(offset + next, prepared[next++], request, settle);
    });
  }

  #openOne(index, client, request, settle) {
    const { port, base = 1 } = this.#options;
    const counter = new FrameCounter();
    this.#sockets[index] = counter;
    counter.index = index;
    counter.client = client;
    counter.upgraded = false;
    counter.ready = false;
    counter.settle = (ok) => {
      counter.settle = () => {};
      if (ok) this.opened++;
      else this.failed++;
      this.#options.onSettled?.(index, ok);
      settle();
    };
    counter.socket = connect({
      port,
      host: '127.0.0.1',
      localAddress: `127.0.${base}.${1 + Math.floor(index / SOCKETS_PER_ADDRESS)}`,
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (size, buffer) => {
          if (counter.upgraded) counter.read(buffer, 0, size, this);
          else this.#readHead(counter, buffer.subarray(0, size));
          return true;
        },
      },
    });
    counter.socket.once('connect', () => counter.socket.write(request));
    counter.socket.on('error', () => {});
    counter.socket.once('close', () => counter.settle(false));
  }

  #readHead(counter, chunk) {
    const head = Buffer.concat([counter.head ?? EMPTY, chunk]);
    const end = head.indexOf('\r\n\r\n');
    counter.head = end === -1 ? head : null;
    if (end === -1) return;
    if (head.compare(ACCEPTED, 0, ACCEPTED.length, 0, ACCEPTED.length) !== 0) {
      const status = head.toString('latin1', 9, 12);
      this.closes[status] = (this.closes[status] ?? 0) + 1;
      counter.socket.destroy();
      return;
    }
    counter.upgraded = true;
    counter.socket.write(counter.client.first);
    if (!this.#options.graphql) this.#ready(counter);
    if (head.length > end + 4) counter.read(head, end + 4, head.length, this);
  }

  #ready(counter) {
    counter.ready = true;
    if (counter.client.second.length > 0) counter.socket.write(counter.client.second);
    counter.client = null;
    counter.settle(true);
  }

  wants(counter) {
    return this.onEvent !== null || (counter.index % 512 === 0 && counter.frames < 2);
  }

  onPayload(counter, bytes, start, end) {
    if (counter.index % 512 === 0 && counter.frames < 2) this.samples.push(bytes.toString('utf8', start, end));
    if (counter.ready && this.onEvent) this.onEvent(bytes, start, end, counter.index);
  }

  onFrame(counter) {
    if (!counter.ready) {
      this.#ready(counter);
      return;
    }
    this.delivered++;
    this.onDelivered?.();
  }

  onControl(counter, opcode, payload) {
    if (opcode === OPCODE.ping) counter.socket.write(clientFrame(payload, OPCODE.pong));
    if (opcode !== OPCODE.close) return;
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    this.closes[code] = (this.closes[code] ?? 0) + 1;
    this.#options.onClosed?.(counter.index, code);
    // As RFC 6455 asks; a server that drains waits for it.
    if (!this.#options.ignoresClose) counter.socket.end(clientFrame(payload, OPCODE.close));
  }

  /** Sends one more text on a socket; for scenarios that act on some sockets only. */
  send(index, text) {
    this.#sockets[index].socket.write(clientFrame(text));
  }

  /** Ends all sockets at once, by a reset, so that no port waits. */
  close() {
    for (const { socket } of this.#sockets) if (!socket.destroyed) socket.resetAndDestroy();
    this.#sockets = [];
  }
}
