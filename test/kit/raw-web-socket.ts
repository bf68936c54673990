import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { upgradeRequest } from './raw-upgrade.js';

const TEXT = 1;
const CLOSE = 8;
/** The code when a connection ends without a Close frame from the server. */
const WITHOUT_CLOSE = 1006;
/** The code when a Close frame has none. */
const NO_CODE = 1005;

/** A minimal WebSocket over bare TCP: it can send any bytes, and reads the code of the server's Close frame. */
export class RawWebSocket {
  /** The code of the server's Close frame: 1005 if it has none, 1006 if the connection ended without a Close frame. */
  readonly closed: Promise<number>;
  /** Whether the server has sent a Close frame or the connection has ended. */
  isOver = false;
  #unread = Buffer.alloc(0);
  /** The text messages so far, the first 200 characters of each. */
  readonly texts: string[] = [];
  #wake: () => void = () => {};

  private constructor(readonly socket: Socket) {
    this.closed = new Promise((resolve) => {
      const end = (code: number): void => {
        this.isOver = true;
        resolve(code);
        this.#wake();
        socket.destroy();
      };
      socket.on('data', (chunk: Buffer) => this.#read(chunk, end));
      socket.on('error', () => end(WITHOUT_CLOSE));
      socket.on('close', () => end(WITHOUT_CLOSE));
    });
  }

  /** Opens a WebSocket; resolves after the 101 response. */
  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawWebSocket> {
    const { port } = new URL(url);
    const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
    socket.write(upgradeRequest(url, { headers }));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (answer.toString('latin1').startsWith('HTTP/1.1 101')) return new RawWebSocket(socket);
    socket.destroy();
    throw new Error(answer.toString('latin1').split('\r\n', 1)[0]);
  }

  send(text: string): void {
    this.socket.write(clientFrame(TEXT, text));
  }

  /** Writes bytes unchanged; resolves when the operating system has taken them or the connection has ended. */
  async write(bytes: Buffer): Promise<void> {
    if (this.isOver) return;
    await new Promise<void>((resolve) => void this.socket.write(bytes, () => resolve()));
  }

  /** Waits for a text message that contains `part`; false if the connection ends first. */
  async waitForText(part: string): Promise<boolean> {
    while (!this.texts.some((text) => text.includes(part))) {
      if (this.isOver) return false;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return true;
  }

  #read(chunk: Buffer, end: (code: number) => void): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    for (let frame = frameAt(this.#unread); frame && !this.isOver; frame = frameAt(this.#unread)) {
      const { opcode, payload, size } = frame;
      this.#unread = this.#unread.subarray(size);
      if (opcode === CLOSE) end(payload.length < 2 ? NO_CODE : payload.readUInt16BE());
      else if (opcode === TEXT) this.texts.push(payload.toString('utf8', 0, 200));
    }
    this.#wake();
  }
}

/** Builds a valid client frame with a zero mask and at most 65,535 bytes. */
export function clientFrame(opcode: number, content: string | Buffer): Buffer {
  const payload = Buffer.from(content);
  const length =
    payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length, 0, 0, 0, 0]), payload]);
}

/** Parses the first complete (unmasked) server frame; null if it is incomplete. */
function frameAt(bytes: Buffer): { opcode: number; payload: Buffer; size: number } | null {
  if (bytes.length < 2) return null;
  const short = (bytes[1] ?? 0) & 127;
  const header = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < header) return null;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const size = header + length;
  return bytes.length < size ? null : { opcode: (bytes[0] ?? 0) & 15, payload: bytes.subarray(header, size), size };
}
