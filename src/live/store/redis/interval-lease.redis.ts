import { RedisScript } from './redis-script.js';
import type { RedisConnection } from './redis.connection.js';
import { IntervalLease, minimumGapMs } from '../../leases/interval-lease.js';

/**
 * KEYS: the time of the last lease. ARGV: the time that must have passed, in ms. By Redis's clock, so nodes' clocks do
 * not matter.
 */
const TAKE_SCRIPT = new RedisScript(
  'lease',
  `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = tonumber(redis.call('GET', KEYS[1]) or 0)
if last <= now and now - last < tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], now, 'PX', math.ceil(ARGV[1]) + 1000)
return 1`,
);

/** Leases over all nodes of one Redis. */
export class RedisIntervalLease extends IntervalLease {
  constructor(private readonly redis: RedisConnection) {
    super();
  }

  override async take(name: string, intervalMs: number): Promise<boolean> {
    return (await this.redis.runScript(TAKE_SCRIPT, [`sallyport:{turn:${name}}`], [minimumGapMs(intervalMs)])) === 1;
  }
}
