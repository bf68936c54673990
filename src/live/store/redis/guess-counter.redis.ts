import {
  BUCKET_SIZE,
  FREE_GUESSES,
  MAX_RESERVATIONS,
  RESERVATION_MS,
  REMEMBER_MS,
  waitAfterMs,
} from '../../rate-limit/guess-counter.js';
import { type GuessStep, SharedGuessCounter } from '../guess-counter.shared.js';
import { RedisScript } from './redis-script.js';
import type { RedisConnection } from './redis.connection.js';

/**
 * One step for one subject. A bucket is a hash; a subject's field holds `<count> <blocked until> <touched at>`, then
 * ` <network>@<from when on>` for each reservation; times are ms by Redis's clock.
 *
 * KEYS: the bucket. ARGV: the verb · the subject's name · the count, or for `reserve` the network. `reserve`
 * returns the count, or minus the wait in ms.
 */
const GUESS_SCRIPT = new RedisScript(
  'limit',
  `
local key, verb, name, argument = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function wait(count)
  if count <= ${FREE_GUESSES} then return 0 end
  return math.min(${waitAfterMs(Number.MAX_SAFE_INTEGER)}, 1000 * 2 ^ math.min(count - ${FREE_GUESSES + 1}, 30))
end
local function parse(text)
  local count, blocked, touched, rest = string.match(text, '^(%d+) (%d+) (%d+)(.*)$')
  return tonumber(count), tonumber(blocked), tonumber(touched), rest
end
local count, blocked, touched, rest = 0, 0, 0, ''
local known = redis.call('HGET', key, name)
if known then
  count, blocked, touched, rest = parse(known)
  if touched + ${REMEMBER_MS} <= now then count, blocked, rest = 0, 0, '' end
end
local reservations, reserved = {}, 0
for network, at in string.gmatch(rest, ' ([^ @]+)@(%d+)') do
  if tonumber(at) + ${RESERVATION_MS} > now then
    reservations[network] = tonumber(at)
    reserved = reserved + 1
  end
end
local function write()
  if not known and redis.call('HLEN', key) >= ${BUCKET_SIZE} then
    local least, leastWeight, leastTouched
    local all = redis.call('HGETALL', key)
    for i = 1, #all, 2 do
      local weight, _, at = parse(all[i + 1])
      if at + ${REMEMBER_MS} <= now then weight = 0 end
      if not least or weight < leastWeight or (weight == leastWeight and at < leastTouched) then
        least, leastWeight, leastTouched = all[i], weight, at
      end
    end
    redis.call('HDEL', key, least)
  end
  local text = string.format('%d %d %d', count, blocked, now)
  for network, at in pairs(reservations) do text = text .. string.format(' %s@%d', network, at) end
  redis.call('HSET', key, name, text)
  redis.call('PEXPIRE', key, ${REMEMBER_MS})
end
if verb == 'right' then return redis.call('HDEL', key, name) end
if verb == 'wrong' then
  if not known then return 0 end
  blocked = math.max(blocked, now + wait(tonumber(argument)))
  write()
  return 0
end
if verb == 'cancel' then
  if not known then return 0 end
  count = count - 1
  if tonumber(argument) > ${FREE_GUESSES} then blocked = 0 end
  if count <= 0 then return redis.call('HDEL', key, name) end
  write()
  return 0
end
local mine = reservations[argument]
if blocked > now and (not mine or mine > now) then
  local opens = mine or blocked
  if not mine and reserved < ${MAX_RESERVATIONS} then
    reservations[argument] = opens
    write()
  end
  return now - opens
end
reservations[argument] = nil
count = count + 1
blocked = math.max(blocked, now + wait(count))
write()
return count
`,
);

/** The counter of all nodes of one Redis: a fixed number of keys of a bounded size each. */
export class RedisGuessCounter extends SharedGuessCounter {
  constructor(private readonly redis: RedisConnection) {
    super();
  }

  protected override async step({ verb, bucket, name, network, count }: GuessStep): Promise<number> {
    const key = `sallyport:throttle:guesses:${bucket}`;
    return Number(await this.redis.runScript(GUESS_SCRIPT, [key], [verb, name, verb === 'reserve' ? network : count]));
  }
}
