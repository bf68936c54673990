const TEXT = 0x81;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MAX_LENGTH_7 = 125;
const MAX_LENGTH_16 = 0xffff;

/** An empty Ping frame (RFC 6455 §5.5.2), the same for every socket. */
export const PING_FRAME: Buffer = Buffer.from([0x89, 0x00]);

/**
 * Encodes texts as consecutive whole text frames in one buffer (RFC 6455 §5.2; a server's frames are not masked),
 * so that whatever a socket gets in one turn of the loop costs one write.
 */
export function encodeTextFrames(texts: readonly string[]): Buffer {
  const lengths = texts.map((text) => Buffer.byteLength(text));
  let total = 0;
  for (const length of lengths) total += headerLength(length) + length;
  const buffer = Buffer.allocUnsafe(total);
  let at = 0;
  for (let index = 0; index < texts.length; index++) at = writeFrame(buffer, at, texts[index]!, lengths[index]!);
  return buffer;
}

/** {@link encodeTextFrames} for the usual case of one text. */
export function encodeTextFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const buffer = Buffer.allocUnsafe(headerLength(length) + length);
  writeFrame(buffer, 0, text, length);
  return buffer;
}

function headerLength(length: number): number {
  if (length <= MAX_LENGTH_7) return 2;
  return length <= MAX_LENGTH_16 ? 4 : 10;
}

function writeFrame(buffer: Buffer, at: number, text: string, length: number): number {
  buffer[at] = TEXT;
  let body = at + 2;
  if (length <= MAX_LENGTH_7) {
    buffer[at + 1] = length;
  } else if (length <= MAX_LENGTH_16) {
    buffer[at + 1] = LENGTH_16;
    body = buffer.writeUInt16BE(length, body);
  } else {
    buffer[at + 1] = LENGTH_64;
    body = buffer.writeBigUInt64BE(BigInt(length), body);
  }
  // One byte a character means ASCII, which latin1 writes without looking at it again.
  buffer.write(text, body, length, length === text.length ? 'latin1' : 'utf8');
  return body + length;
}
