import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { RedisScript } from './redis-script.js';

/** The hash with the store's generation. */
export const GENERATION_KEY = 'sallyport:{store}:generation';
/** The length of a generation's id, with which every epoch starts. */
export const GENERATION_LENGTH = 6;
/**
 * A Redis that keeps every write and was unavailable for at most this long has lost nothing. After a longer outage it
 * may be an older copy.
 */
const LONGEST_RESTART_MS = 15_000;

/**
 * KEYS: the generation. ARGV: run id of this Redis · 1 if it is known to keep every write · the latest time that this
 * node knows was written here ('' none) · ms since Redis started · an id for a new generation. Returns the time that
 * was written: by Redis's clock, and never before an earlier one.
 */
const BEAT_SCRIPT = new RedisScript(
  'heartbeat',
  `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', KEYS[1], 'id', 'run', 'seen')
local run, seen = known[2], tonumber(known[3] or 0)
local kept = known[1]
if kept and run then
  local remembered = tonumber(ARGV[3])
  if remembered then kept = seen >= remembered end
  if kept and run ~= ARGV[1] then
    kept = ARGV[2] == '1' and (remembered or now - ARGV[4] - seen <= ${LONGEST_RESTART_MS})
  end
end
if not kept then redis.call('HSET', KEYS[1], 'id', ARGV[5]) end
seen = math.max(now, seen)
redis.call('HSET', KEYS[1], 'run', ARGV[1], 'seen', seen)
return tostring(seen)`,
);

/** The state that a Redis reports. */
interface RedisRun {
  readonly id: string;
  readonly keepsEveryWrite: boolean;
  readonly startedAtMs: number;
}

/**
 * Detects a Redis that may have lost writes: another process (its run id), an older copy of the data, a promoted
 * replica. Such a store gets a new generation, and with it every topic a new epoch; clients that resume then get
 * `recovered: false`.
 *
 * A restart keeps the generation only if nothing can have been lost: `appendonly yes` with `appendfsync always`, no
 * failover, and no more than 15 seconds since the last heartbeat of a node, or one that remembers the last heartbeat
 * itself.
 */
export class StoreGeneration {
  #run: RedisRun | null = null;
  /** The last time that this node knows was written. */
  #writtenAt = '';

  constructor(private readonly client: Redis) {}

  /** Called on each new connection, before any other command. @throws what the command failed with */
  async settle(): Promise<void> {
    this.#run = await describeRun(this.client);
    await this.beat();
  }

  /** Writes the heartbeat; if this fails, the store refuses writes. @throws what the command failed with */
  async beat(): Promise<void> {
    const run = this.#run;
    if (!run) return this.settle();
    const upMs = Math.round(performance.now() - run.startedAtMs);
    const id = randomBytes(GENERATION_LENGTH).toString('base64url').slice(0, GENERATION_LENGTH);
    const values = [run.id, run.keepsEveryWrite ? '1' : '0', this.#writtenAt, upMs, id];
    this.#writtenAt = String(await this.client.eval(BEAT_SCRIPT.lua, 1, GENERATION_KEY, ...values));
  }
}

async function describeRun(client: Redis): Promise<RedisRun> {
  const info = await client.info();
  const field = (name: string): string => new RegExp(`^${name}:(\\S*)`, 'm').exec(info)?.[1] ?? '';
  const appendsAlways = field('aof_enabled') === '1' && (await appendFsync(client)) === 'always';
  return {
    id: field('run_id'),
    // A second replication id belongs to the former master after a failover.
    keepsEveryWrite: appendsAlways && /^0*$/.test(field('master_replid2')),
    startedAtMs: performance.now() - Number(field('uptime_in_seconds')) * 1000,
  };
}

/** Hosted Redis often forbids reading its settings; they are then unknown. */
async function appendFsync(client: Redis): Promise<string> {
  try {
    const [, value] = (await client.config('GET', 'appendfsync')) as string[];
    return value ?? '';
  } catch (error) {
    if (error instanceof Error && /^(?:NOPERM|ERR)\b/.test(error.message)) return '';
    throw error;
  }
}
