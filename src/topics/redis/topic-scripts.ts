import { RedisScript } from '../../redis/redis-script.js';
import { IDEMPOTENCY_WINDOW_MS } from '../topic.bus.js';

/**
 * How long an epoch is remembered after the last publish or look, in milliseconds: longer than any key or subscriber
 * needs it. Live subscribers renew it.
 */
const META_LIFETIME_MS = 3_600_000;

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/**
 * Publishes a batch, all of it or nothing. Per publication: offset, history, idempotency key, message.
 *
 * KEYS, per publication: meta, stream, channel, used key (or meta where there is none).
 * ARGV: deadline by Redis's clock, prefix for new epochs, PUBLISH or SPUBLISH; then per publication: payload,
 * its digest or '', history size, history lifetime in ms.
 * Returns 'late' past the deadline (a batch that hung on the way is not published behind its publisher's back), else
 * per publication { 0 published | 1 duplicate | 2 key used for another payload, 'epoch offset' }.
 */
export const PUBLISH_SCRIPT = new RedisScript(`${NOW}
if now > tonumber(ARGV[1]) then return 'late' end
local results = {}
for i = 1, #KEYS / 4 do
  local meta, stream, channel, key = KEYS[4 * i - 3], KEYS[4 * i - 2], KEYS[4 * i - 1], KEYS[4 * i]
  local payload, digest, size, lifetime = ARGV[4 * i], ARGV[4 * i + 1], ARGV[4 * i + 2], ARGV[4 * i + 3]
  local used = digest ~= '' and redis.call('GET', key)
  if used then
    local same = string.sub(used, 1, #digest) == digest
    results[i] = { same and 1 or 2, string.sub(used, #digest + 2) }
  else
    local epoch = redis.call('HGET', meta, 'epoch')
    if not epoch then
      epoch = ARGV[2] .. i
      redis.call('HSET', meta, 'epoch', epoch, 'offset', 0)
      redis.call('DEL', stream)
    end
    local offset = redis.call('HINCRBY', meta, 'offset', 1)
    local position = epoch .. ' ' .. offset
    redis.call('PEXPIRE', meta, math.max(${META_LIFETIME_MS}, 2 * lifetime))
    redis.call('XADD', stream, 'MAXLEN', size, offset .. '-0', 't', now, 'p', payload)
    redis.call('PEXPIRE', stream, lifetime)
    if digest ~= '' then redis.call('SET', key, digest .. ' ' .. position, 'PX', ${IDEMPOTENCY_WINDOW_MS}) end
    redis.call(ARGV[3], channel, position .. ' ' .. payload)
    results[i] = { 0, position }
  end
end
return results`);

/**
 * Reads a topic's position, and what a subscriber is to get first. Makes the epoch where there is none yet, so that
 * a subscription has a position before the first event.
 *
 * KEYS: meta, stream. ARGV: epoch to begin with, history size, history lifetime in ms, epoch and offset to resume
 * from ('' and 0: none), 1 where the last event is wanted.
 * Returns { epoch, newest offset, 1 recovered | 0 not | -1 not asked, the payloads of the newest events in order }.
 */
export const READ_SCRIPT = new RedisScript(`${NOW}
local meta, stream = KEYS[1], KEYS[2]
local size, lifetime, since = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
local epoch = redis.call('HGET', meta, 'epoch')
if not epoch then
  epoch = ARGV[1]
  redis.call('HSET', meta, 'epoch', epoch, 'offset', 0)
  redis.call('DEL', stream)
end
redis.call('PEXPIRE', meta, math.max(${META_LIFETIME_MS}, 2 * lifetime))
local offset = tonumber(redis.call('HGET', meta, 'offset'))
local recovered = ARGV[4] == '' and -1 or 0
local entries = {}
if ARGV[4] == epoch and since <= offset and offset - since <= size then
  if since < offset then entries = redis.call('XRANGE', stream, (since + 1) .. '-0', '+') end
  if #entries == offset - since and (#entries == 0 or entries[1][2][2] + lifetime > now) then
    recovered = 1
  end
end
if recovered ~= 1 then
  entries = ARGV[6] == '1' and redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1) or {}
  if #entries == 1 and entries[1][2][2] + lifetime <= now then entries = {} end
end
local payloads = {}
for i, entry in ipairs(entries) do payloads[i] = entry[2][4] end
return { epoch, offset, recovered, payloads }`);

/**
 * Compares where subscribers stand with where their topics are, and keeps the epochs alive.
 * A topic that stands behind its own subscribers was restored from an older copy: it gets a new epoch at once,
 * or else its next events would pass for ones that were seen.
 *
 * KEYS, per topic: meta, stream. ARGV: prefix for new epochs; then per topic: epoch, offset.
 * Returns per topic 0 the same | 1 not the same.
 */
export const COMPARE_SCRIPT = new RedisScript(`
local results = {}
for i = 1, #KEYS / 2 do
  local meta = KEYS[2 * i - 1]
  local known = redis.call('HMGET', meta, 'epoch', 'offset')
  local epoch, offset = ARGV[2 * i], tonumber(ARGV[2 * i + 1])
  if known[1] == epoch and tonumber(known[2]) < offset then
    redis.call('HSET', meta, 'epoch', ARGV[1] .. i, 'offset', 0)
    redis.call('DEL', KEYS[2 * i])
  end
  results[i] = (known[1] == epoch and tonumber(known[2]) == offset) and 0 or 1
  if known[1] and redis.call('PTTL', meta) < ${META_LIFETIME_MS / 2} then
    redis.call('PEXPIRE', meta, ${META_LIFETIME_MS})
  end
end
return results`);
