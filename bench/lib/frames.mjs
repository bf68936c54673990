// WebSocket frames (RFC 6455 §5): writes client frames, and counts server frames by their headers.

const MASK = [0x5a, 0xc3, 0x17, 0x9e];
const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 };

/** One masked client frame. Built before the measurement starts. */
export function clientFrame(payload, opcode = OPCODE.text) {
  const body = Buffer.from(payload);
  const header = body.length < 126 ? 2 : 4;
  const frame = Buffer.allocUnsafe(header + 4 + body.length);
  frame[0] = 0x80 | opcode;
  if (header === 2) frame[1] = 0x80 | body.length;
  else {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(body.length, 2);
  }
  for (let i = 0; i < 4; i++) frame[header + i] = MASK[i];
  for (let i = 0; i < body.length; i++) frame[header + 4 + i] = body[i] ^ MASK[i & 3];
  return frame;
}

/**
 * Counts the data frames of one socket. Payloads are skipped, not read, except where `wants` asks for one.
 * A frame may be split over several reads.
 */
export class FrameCounter {
  frames = 0;
  #skip = 0;
  #carry = null;

  /**
   * @param chunk what the socket has read; only valid during the call
   * @param owner receives `onFrame(counter)` for each data frame, `wants(counter)` → whether to read its payload,
   *   `onPayload(counter, bytes, start, end)`, and `onControl(counter, opcode, payload)`
   */
  read(chunk, start, end, owner) {
    if (this.#carry) {
      chunk = Buffer.concat([this.#carry, chunk.subarray(start, end)]);
      this.#carry = null;
      start = 0;
      end = chunk.length;
    }
    let at = start;
    if (this.#skip > 0) {
      const step = Math.min(this.#skip, end - at);
      this.#skip -= step;
      at += step;
    }
    while (at < end) {
      let length = end - at < 2 ? 0 : chunk[at + 1] & 127;
      const header = length < 126 ? 2 : length === 126 ? 4 : 10;
      if (end - at < header) return this.#keep(chunk, at, end);
      if (length === 126) length = chunk.readUInt16BE(at + 2);
      else if (length === 127) length = Number(chunk.readBigUInt64BE(at + 2));
      const opcode = chunk[at] & 15;
      const whole = end - at >= header + length;
      if (opcode >= 8) {
        if (!whole) return this.#keep(chunk, at, end);
        owner.onControl(this, opcode, chunk.subarray(at + header, at + header + length));
      } else {
        if (owner.wants(this)) {
          if (!whole) return this.#keep(chunk, at, end);
          owner.onPayload(this, chunk, at + header, at + header + length);
        }
        this.frames++;
        owner.onFrame(this);
      }
      if (!whole) {
        this.#skip = length - (end - at - header);
        return undefined;
      }
      at += header + length;
    }
    return undefined;
  }

  #keep(chunk, at, end) {
    this.#carry = Buffer.from(chunk.subarray(at, end));
  }
}

export { OPCODE };
