import type { Random } from '../kit/random.js';

/** How a WebSocket frame differs from a valid client frame (RFC 6455). */
interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
  readonly fin?: boolean;
  readonly reserved?: number;
  readonly masked?: boolean;
  /** The length in the header, if it is wrong. */
  readonly declaredLength?: number;
}

const TEXT = 1;
const CLOSE = 8;
const CLOSE_CODES = [0, 999, 1000, 1001, 1004, 1005, 1006, 1011, 1015, 2999, 3000, 4403, 4999, 5000, 65_535];
const IDS: readonly unknown[] = [
  '1',
  '2',
  '',
  '__proto__',
  'constructor',
  'toString',
  'i'.repeat(129),
  7,
  null,
  {},
  [],
];
const QUERIES: readonly unknown[] = [
  'subscription { userCount }',
  'subscription { notifications { id title createdAt } }',
  'subscription ($x: Boolean!) { userCount @skip(if: $x) }',
  'subscription { notifications { id ...F } } fragment F on Notification { title ...F }',
  'subscription { userCount notifications { id } }',
  'subscription { __typename }',
  'subscription { nothing }',
  'mutation { logout }',
  '{ me { token } }',
  '{ __schema { types { name } } }',
  '{',
  '',
  '{'.repeat(3_000),
  `subscription { ${'userCount '.repeat(2_000)} }`,
  `query { ${'a'.repeat(20_000)} }`,
  '\u0000\ud800',
  null,
  7,
  ['{ me { token } }'],
];
const VALUES: readonly unknown[] = [
  undefined,
  null,
  {},
  [],
  'x',
  -1,
  { x: true },
  { x: [[[[]]]] },
  { x: 'true', constructor: { prototype: { x: 1 } } },
  { resume: 'no cursor' },
  { resume: { a: 1 } },
  { token: 'x.y.z' },
  { token: { sub: 'user:1' } },
];
const TYPES: readonly unknown[] = [
  'ping',
  'pong',
  'subscribe',
  'complete',
  'connection_init',
  'connection_ack',
  'next',
  'error',
  'start',
  'PING',
  '',
  '__proto__',
  null,
  1,
  ['ping'],
];
const TEXTS = [
  '',
  '{',
  'null',
  '[]',
  '"ping"',
  '{"type":"ping"',
  '{"type":"ping"}}',
  '{"type":"ping","type":"subscribe"}',
  '{"__proto__":{"type":"ping"}}',
  '{"type":"ping","payload":{"__proto__":{"token":"x"}}}',
  '{"type":"subscribe","id":"9","payload":{"query":"subscription { userCount }","__proto__":{"x":1}}}',
  `{"type":"ping","payload":${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}}`,
  '['.repeat(30_000),
  `{"type":"ping","payload":${'9'.repeat(9_000)}}`,
  '\ufeff{"type":"ping"}',
  'x'.repeat(65_536),
  'x'.repeat(65_537),
];

/** Returns the next bytes to write: usually what a buggy client could send, sometimes what no WebSocket client would. */
export function randomWrite(random: Random): Buffer {
  const frames = random.chance(0.03) ? [malformed(random)] : fragments(random, message(random));
  return Buffer.concat(frames.map((frame) => bytesOf(frame, random)));
}

function message(random: Random): Frame {
  const dice = random.next();
  if (dice < 0.08) return { opcode: random.chance(0.5) ? 9 : 10, payload: randomBytes(random, 125) };
  if (dice < 0.1) return { opcode: CLOSE, payload: closing(random) };
  if (dice < 0.115) return { opcode: 2, payload: randomBytes(random, 300) };
  if (dice < 0.13) return { opcode: TEXT, payload: randomBytes(random, 300) };
  if (dice < 0.17) return { opcode: TEXT, payload: Buffer.from(random.pick(TEXTS)) };
  return { opcode: TEXT, payload: Buffer.from(JSON.stringify(randomMessage(random))) };
}

/** Returns a graphql-transport-ws message that may be invalid. */
function randomMessage(random: Random): unknown {
  if (random.chance(0.3)) return { type: random.pick(['ping', 'pong']), payload: random.pick(VALUES) };
  if (random.chance(0.1)) return { type: random.pick(TYPES), id: random.pick(IDS), payload: random.pick(VALUES) };
  const id = random.chance(0.9) ? String(random.below(1_000)) : random.pick(IDS);
  if (random.chance(0.2)) return { type: 'complete', id };
  const extensions = random.pick(VALUES);
  return {
    type: 'subscribe',
    id,
    payload: { query: random.pick(QUERIES), variables: random.pick(VALUES), extensions },
  };
}

function fragments(random: Random, whole: Frame): Frame[] {
  if (whole.opcode >= CLOSE || !random.chance(0.1)) return [whole];
  const at = random.below(whole.payload.length + 1);
  const between: Frame[] = random.chance(0.3) ? [{ opcode: 9, payload: randomBytes(random, 20) }] : [];
  const first = { ...whole, payload: whole.payload.subarray(0, at), fin: false };
  return [first, ...between, { opcode: 0, payload: whole.payload.subarray(at) }];
}

/** Returns a frame that breaks one rule of RFC 6455 §5. */
function malformed(random: Random): Frame {
  const payload = randomBytes(random, 100);
  return random.pick<Frame>([
    { opcode: TEXT, payload, reserved: 1 + random.below(7) },
    { opcode: random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), payload },
    { opcode: TEXT, payload, masked: false },
    { opcode: 0, payload },
    { opcode: 9, payload, fin: false },
    { opcode: 9, payload: Buffer.alloc(126) },
    { opcode: CLOSE, payload: Buffer.from([3]) },
    { opcode: TEXT, payload, declaredLength: random.pick([126, 65_537, 2 ** 31, Number.MAX_SAFE_INTEGER, 2 ** 63]) },
  ]);
}

function closing(random: Random): Buffer {
  if (random.chance(0.2)) return Buffer.alloc(0);
  const code = random.pick(CLOSE_CODES);
  return Buffer.concat([Buffer.from([code >> 8, code & 255]), randomBytes(random, 123)]);
}

function randomBytes(random: Random, longest: number): Buffer {
  return Buffer.from(Array.from({ length: random.below(longest + 1) }, () => random.below(256)));
}

function bytesOf(
  { opcode, payload, fin = true, reserved = 0, masked = true, declaredLength }: Frame,
  random: Random,
): Buffer {
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const head = Buffer.concat([Buffer.from([first]), lengthOf(declaredLength ?? payload.length, masked)]);
  if (!masked) return Buffer.concat([head, payload]);
  const mask = Buffer.from(Array.from({ length: 4 }, () => random.below(256)));
  return Buffer.concat([head, mask, payload.map((byte, index) => byte ^ (mask[index & 3] ?? 0))]);
}

function lengthOf(length: number, masked: boolean): Buffer {
  const bit = masked ? 0x80 : 0;
  if (length < 126) return Buffer.from([bit | length]);
  if (length < 65_536) return Buffer.from([bit | 126, length >> 8, length & 255]);
  const long = Buffer.alloc(9);
  long[0] = bit | 127;
  long.writeBigUInt64BE(BigInt(length), 1);
  return long;
}
