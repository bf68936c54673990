import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CloseCode } from '../src/protocol/close-code.js';
import { randomWrite } from './fuzz/random-frames.js';
import { Random } from './kit/random.js';
import { Browser } from './kit/browser.js';
import { RawWebSocket } from './kit/raw-web-socket.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { storage } from './kit/storage.js';

const SEED = Number(process.env['SOCKET_FUZZ_SEED'] ?? 20_261_125);
const WRITES = Number(process.env['SOCKET_FUZZ_FRAMES'] ?? 10_000);
const SOCKETS_AT_ONCE = 10;
const WRITES_OF_ONE_SOCKET = 60;
const PAUSE_MS = 3;
const PEOPLE = 10;
/** Tolerance for memory that is not collected yet, in bytes. */
const MEMORY_SLACK = 64 * 1024 * 1024;
const INIT_BEFORE = 0.8;

/** The close codes that the server may send. An echoed Close frame has the client's code. */
const DOCUMENTED = new Set<number>(Object.values(CloseCode).filter((code) => typeof code === 'number'));
/** Codes that only the fuzzed client sends; the server echoes them (RFC 6455 §5.5.1). 1005 is an empty Close frame. */
const ECHOES = new Set([1001, 1005, 3000, 4999]);

let server: ServerProcess;
let removeStorage: () => Promise<void>;
let people: Browser[];

beforeAll(async () => {
  const { env, remove } = await storage({});
  removeStorage = remove;
  server = await startServerProcess({ ...env, THROTTLE_EXEMPT: '127.0.0.1', USER_COUNT_INTERVAL_SECONDS: '1' });
  people = Array.from({ length: PEOPLE }, () => new Browser(server.url));
  await Promise.all(people.map((person) => person.register()));
});
afterAll(async () => {
  await server.end();
  await removeStorage();
});

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}

interface Tally {
  writes: number;
  sockets: number;
  readonly codes: Map<number, number>;
}

/** Fuzzes one socket from upgrade to end; most are acknowledged first, so that the frames reach the protocol. */
async function fuzzOne(random: Random, token: string, tally: Tally): Promise<void> {
  const socket = await RawWebSocket.open(server.url);
  tally.sockets += 1;
  if (random.chance(INIT_BEFORE)) {
    socket.send(JSON.stringify({ type: 'connection_init', payload: { token, resumable: random.chance(0.5) } }));
    await socket.waitForText('connection_ack');
  }
  for (let sent = 0; sent < WRITES_OF_ONE_SOCKET && !socket.isOver; sent++) {
    const bytes = randomWrite(random);
    tally.writes += 1;
    // Split, so that the server reads it in two parts or together with the next frames.
    const at = random.chance(0.1) ? random.below(bytes.length + 1) : 0;
    if (at > 0) await socket.write(bytes.subarray(0, at));
    await socket.write(bytes.subarray(at));
    // Sometimes waits until the server has read everything so far.
    if (random.chance(0.4)) await Promise.race([socket.closed, delay(PAUSE_MS)]);
  }
  // The connection may be in any state now: before a Close frame, or inside a message.
  const code = await Promise.race([socket.closed, ended(socket)]);
  tally.codes.set(code, (tally.codes.get(code) ?? 0) + 1);
}

/** Destroys the client's connection without a Close frame; returns 0 unless the server closed it first. */
async function ended(socket: RawWebSocket): Promise<number> {
  socket.send('{"type":"ping","payload":{"last":true}}');
  await Promise.race([socket.closed, delay(20)]);
  if (socket.isOver) return socket.closed;
  socket.socket.destroy();
  return 0;
}

async function fuzz(random: Random, writes: number): Promise<Tally> {
  const tally: Tally = { writes: 0, sockets: 0, codes: new Map() };
  const tokens = await Promise.all(people.map((person) => person.token()));
  const freshAt = performance.now() + 30_000;
  while (tally.writes < writes && performance.now() < freshAt) {
    const wave = Array.from({ length: SOCKETS_AT_ONCE }, () => new Random(random.below(2 ** 32)));
    await Promise.all(wave.map((own, index) => fuzzOne(own, tokens[index % PEOPLE] ?? '', tally)));
  }
  return tally;
}

/** Runs in parts, since tokens are valid for a minute. */
async function fuzzAll(random: Random, writes: number): Promise<Tally> {
  const all: Tally = { writes: 0, sockets: 0, codes: new Map() };
  while (all.writes < writes) {
    const { writes: more, sockets, codes } = await fuzz(random, writes - all.writes);
    all.writes += more;
    all.sockets += sockets;
    for (const [code, count] of codes) all.codes.set(code, (all.codes.get(code) ?? 0) + count);
  }
  return all;
}

it(`WS-11 ${WRITES} random frames (SOCKET_FUZZ_SEED=${SEED}) end sockets with documented codes, and nothing else`, async () => {
  const random = new Random(SEED);
  await fuzzAll(random, WRITES / 2);
  const before = await metric('process_resident_memory_bytes');
  const { sockets, codes } = await fuzzAll(random, WRITES / 2);
  if (process.env['SOCKET_FUZZ_SHOW']) console.log(sockets, Object.fromEntries(codes), server.output().slice(-3000));
  await expect.poll(() => metric('sallyport_sockets'), { timeout: 15_000 }).toBe(0);
  const unknown = [...codes.keys()].filter((code) => code !== 0 && !DOCUMENTED.has(code) && !ECHOES.has(code));
  expect(unknown).toEqual([]);
  expect(codes.size).toBeGreaterThan(5);
  expect(codes.has(CloseCode.InternalError)).toBe(false);
  expect(codes.has(CloseCode.TryAgainLater)).toBe(false);
  expect(server.child.exitCode).toBeNull();
  const errors = server
    .output()
    .split('\n')
    .filter((line) => /"level":(?:50|60|"error"|"fatal")|unhandled/i.test(line));
  expect(errors).toEqual([]);
  expect((await metric('process_resident_memory_bytes')) - before).toBeLessThan(MEMORY_SLACK);
  const survivor = await RawWebSocket.open(server.url);
  survivor.send(JSON.stringify({ type: 'connection_init', payload: { token: await people[0]?.token() } }));
  expect(await survivor.waitForText('connection_ack')).toBe(true);
  survivor.socket.destroy();
}, 300_000);
