/** A position in one topic: the epoch, and the last offset in it. */
export interface Position {
  /** Random, created with the topic; a flushed or failed-over store creates another one. */
  readonly epoch: string;
  /** The first event of an epoch has 1; 0 is the position before it. Increases by one with each event. */
  readonly offset: number;
}

const EPOCH = /^[A-Za-z0-9_-]{8,24}$/;
const MAX_CURSOR_LENGTH = 64;
const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
const RADIX = DIGITS.length;

/** Writes a position as the opaque text that clients keep. */
export function formatCursor(position: Position): string {
  return `${position.epoch}.${base36(position.offset)}`;
}

/** A faster `toString(36)` that avoids floating point: it runs for every event of a resumable socket. */
function base36(offset: number): string {
  let text = DIGITS[offset % RADIX]!;
  for (let rest = Math.floor(offset / RADIX); rest > 0; rest = Math.floor(rest / RADIX))
    text = DIGITS[rest % RADIX]! + text;
  return text;
}

/** Parses a cursor from outside; null if it is invalid. The bus checks whether it belongs to the topic. */
export function parseCursor(text: unknown): Position | null {
  if (typeof text !== 'string' || text.length > MAX_CURSOR_LENGTH) return null;
  const [epoch = '', digits = '', ...rest] = text.split('.');
  if (rest.length > 0 || !EPOCH.test(epoch) || !/^(?:0|[1-9a-z][0-9a-z]{0,9})$/.test(digits)) return null;
  const offset = Number.parseInt(digits, 36);
  return Number.isSafeInteger(offset) ? { epoch, offset } : null;
}
