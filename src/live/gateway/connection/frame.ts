const TEXT = '\x81';
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MAX_LENGTH_7 = 125;
const MAX_LENGTH_16 = 0xffff;
const BYTE = 256;

/**
 * Text as its UTF-8 bytes, one character per byte. Joining such strings is almost free, their length is the number of
 * bytes, and a socket writes them as `latin1` without an intermediate buffer.
 */
export type ByteText = string & { readonly isBytes: true };

/** An empty Ping frame (RFC 6455 §5.5.2), the same for every socket. */
export const PING_FRAME = '\x89\x00' as ByteText;

/** A Pong frame with the payload of the Ping that it answers, at most 125 bytes (RFC 6455 §5.5.3). */
export function pongFrame(payload: Buffer): ByteText {
  return `\x8a${String.fromCharCode(payload.length)}${payload.toString('latin1')}` as ByteText;
}

const SHORT_HEADERS = Array.from({ length: MAX_LENGTH_7 + 1 }, (_, length) => TEXT + String.fromCharCode(length));

/** Converts text to its bytes. ASCII text is returned unchanged. */
export function toBytes(text: string): ByteText {
  return (Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1')) as ByteText;
}

/** A message as one text frame (RFC 6455 §5.2; a server's frames are not masked). Frames are joined with `+`. */
export function textFrame(message: ByteText): ByteText {
  return (textHeader(message.length) + message) as ByteText;
}

function textHeader(length: number): string {
  if (length <= MAX_LENGTH_7) return SHORT_HEADERS[length]!;
  if (length <= MAX_LENGTH_16) return TEXT + String.fromCharCode(LENGTH_16, Math.floor(length / BYTE), length % BYTE);
  const bytes: number[] = [];
  for (let rest = length; bytes.length < 8; rest = Math.floor(rest / BYTE)) bytes.unshift(rest % BYTE);
  return TEXT + String.fromCharCode(LENGTH_64, ...bytes);
}
