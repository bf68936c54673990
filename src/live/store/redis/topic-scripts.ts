import type { StoreOperation } from '../store-operation.js';
import { RedisScript } from './redis-script.js';
import { GENERATION_KEY, GENERATION_LENGTH } from './store-generation.js';
import { IDEMPOTENCY_WINDOW_MS } from '../../topics/topic.bus.js';

/** How long an epoch is kept after the last publish or read, in milliseconds. Connected subscribers extend it. */
const META_LIFETIME_MS = 3_600_000;
/**
 * How often publishing extends a topic's expiry, in milliseconds: extending it with each event would cost as much as
 * the event itself.
 */
const RENEW_EVERY_MS = META_LIFETIME_MS / 4;

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** The kind of Redis that a script runs on: a cluster's scripts use one slot only. */
type Place = 'alone' | 'cluster';

/**
 * The store's generation: every epoch starts with it, and epochs of other generations are invalid. On a cluster each
 * shard's process has its own generation, since it may have lost data after a restart or a failover.
 */
const generation = (place: Place): string =>
  place === 'cluster'
    ? `local generation = string.sub(string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'), 1, ${GENERATION_LENGTH})`
    : `local generation = redis.call('HGET', '${GENERATION_KEY}', 'id')
if not generation then
  generation = string.sub(redis.sha1hex(time[1] .. ' ' .. time[2]), 1, ${GENERATION_LENGTH})
  redis.call('HSET', '${GENERATION_KEY}', 'id', generation)
end`;

/** Whether an epoch belongs to this generation. */
const IS_OURS = `
local function isOurs(epoch) return epoch and string.sub(epoch, 1, ${GENERATION_LENGTH}) == generation end`;

/**
 * Publishes a batch, all or nothing. Per publication: offset, history, idempotency key, message. A history of one event
 * is two fields of the topic's hash: a stream that is trimmed to one entry costs three times the rest. Each publication
 * is one short string in and one out, since on a busy node most of the work is serialising and parsing these.
 *
 * KEYS, per publication: the topic's tag, from which all its keys are built; they share its slot. On a cluster another
 * key of the slot follows: Redis runs a script with a missing key nowhere while the slot is moving. With one key it would
 * run it on the new master, which does not have the topic yet.
 *
 * ARGV: deadline by Redis's clock · prefix for new epochs · PUBLISH or SPUBLISH · what follows the tag in a channel's
 * name · the definitions as `<history size> <history lifetime in ms>`, joined by commas · then per publication
 * `<index of its definition> <payload>` or, with an idempotency key,
 * `<index>:<hash of the key, 43 characters><digest of the payload, 43><payload>`. An event of a sampled trace has
 * `~<traceparent, 55 characters>` after its index: a message with the offset 0, which every node drops as an old event,
 * then carries the trace of the next message.
 *
 * Returns 'late' past the deadline, so that a delayed batch is not published after its publisher was told that it failed.
 * Otherwise one line per publication: 0 published, 1 duplicate, or 2 key used for another payload; then
 * `<epoch> <offset>`.
 */
const PUBLISH = `
if now > tonumber(ARGV[1]) then return 'late' end
local prefix, verb, suffix = ARGV[2], ARGV[3], ARGV[4]
local definitions = {}
for size, lifetime in string.gmatch(ARGV[5], '(%d+) (%d+)') do
  definitions[#definitions + 1] = {
    size = tonumber(size),
    renewAfter = math.min(${RENEW_EVERY_MS}, lifetime / 2),
    metaLifetime = math.max(${META_LIFETIME_MS}, 2 * lifetime),
    streamLifetime = 2 * lifetime,
    text = size .. ' ' .. lifetime,
  }
end
local call = redis.call
local results = {}
for i = 1, #ARGV - 5 do
  local tag, event = KEYS[i], ARGV[i + 5]
  local mark = string.find(event, '[ :~]')
  local definition = definitions[string.sub(event, 1, mark - 1) + 1]
  local key, digest, payload, trace = false, false, false, false
  local kind = string.byte(event, mark)
  if kind == 126 then
    trace = string.sub(event, mark + 1, mark + 55)
    mark = mark + 56
    kind = string.byte(event, mark)
  end
  if kind == 58 then
    key = tag .. ':key:' .. string.sub(event, mark + 1, mark + 43)
    digest = string.sub(event, mark + 44, mark + 86)
    payload = string.sub(event, mark + 87)
  else
    payload = string.sub(event, mark + 1)
  end
  local meta, stream = tag .. ':meta', tag .. ':stream'
  local known = call('HMGET', meta, 'epoch', 'offset', 'renewed', 'definition')
  local epoch, offset, renewed = known[1], (known[2] or 0) + 1, known[3] or 0
  local used = key and call('GET', key)
  -- An event of an earlier epoch is in no history, and those who resume are told of a gap: it is published again.
  if used and not (isOurs(epoch) and string.match(used, '%S+', 44) == epoch) then used = false end
  if used then
    local same = string.sub(used, 1, 43) == digest
    results[i] = (same and '1' or '2') .. string.sub(used, 44)
  else
    if not isOurs(epoch) then
      -- A new stream, which has no expiry yet.
      epoch, offset, renewed = generation .. prefix .. i, 1, 0
      call('HSET', meta, 'epoch', epoch)
      call('DEL', stream)
    end
    local position = epoch .. ' ' .. offset
    if definition.size == 1 then
      call('HSET', meta, 'offset', offset, 't', now, 'p', payload)
    else
      call('HSET', meta, 'offset', offset)
      call('XADD', stream, 'MAXLEN', definition.size, offset .. '-0', 't', now, 'p', payload)
    end
    -- With another definition than before, the stream may be new or needed for longer.
    if now - renewed > definition.renewAfter or known[4] ~= definition.text then
      call('HSET', meta, 'renewed', now, 'definition', definition.text)
      -- A node where the history is still one event would take the fields of an earlier one for this.
      if definition.size > 1 then call('HDEL', meta, 't', 'p') end
      call('PEXPIRE', meta, definition.metaLifetime)
      call('PEXPIRE', stream, definition.streamLifetime)
    end
    if key then call('SET', key, digest .. position, 'PX', ${IDEMPOTENCY_WINDOW_MS}) end
    if trace then call(verb, tag .. suffix, epoch .. ' 0 ["' .. trace .. '",' .. offset .. ']') end
    call(verb, tag .. suffix, position .. ' ' .. payload)
    results[i] = '0' .. position
  end
end
return table.concat(results, '\\n')`;

/**
 * Reads a topic's position, and what a subscriber gets first. Creates the epoch if there is none, so that a
 * subscription has a position before the first event.
 *
 * KEYS: meta, stream. ARGV: epoch to create if needed, history size, history lifetime in ms, epoch and offset to resume
 * from ('' and 0: none), what a new subscriber gets: 'nothing', 'last-event' or 'history'. Returns { epoch, newest
 * offset, 1 recovered | 0 not | -1 not asked, the payloads of the newest events in order }.
 */
const READ = `
local meta, stream = KEYS[1], KEYS[2]
local size, lifetime, since = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
local epoch = redis.call('HGET', meta, 'epoch')
if not isOurs(epoch) then
  epoch = generation .. ARGV[1]
  redis.call('HSET', meta, 'epoch', epoch, 'offset', 0)
  redis.call('HDEL', meta, 't', 'p', 'renewed')
  redis.call('DEL', stream)
end
redis.call('PEXPIRE', meta, math.max(${META_LIFETIME_MS}, 2 * lifetime))
local offset = tonumber(redis.call('HGET', meta, 'offset'))
local recovered = ARGV[4] == '' and -1 or 0
-- The history from this offset on.
local function read(first)
  if size > 1 then return redis.call('XRANGE', stream, first .. '-0', '+') end
  local last = redis.call('HMGET', meta, 't', 'p')
  return last[1] and first <= offset and { { offset .. '-0', { 't', last[1], 'p', last[2] } } } or {}
end
-- The payloads of the newest events, at most so many: those that are not too old and follow each other without a hole.
local function newest(most)
  local entries = most > 0 and read(offset - most + 1) or {}
  local count = 0
  while count < #entries do
    local entry = entries[#entries - count]
    if entry[1] ~= (offset - count) .. '-0' or entry[2][2] + lifetime <= now then break end
    count = count + 1
  end
  local payloads = {}
  for i = 1, count do payloads[i] = entries[#entries - count + i][2][4] end
  return payloads
end
local payloads = {}
if ARGV[4] == epoch and since <= offset and offset - since <= size then
  payloads = newest(offset - since)
  if #payloads == offset - since then recovered = 1 end
end
if recovered ~= 1 then
  local wanted = ARGV[6] == 'last-event' and 1 or ARGV[6] == 'history' and recovered == -1 and size or 0
  payloads = newest(math.min(wanted, offset))
end
return { epoch, offset, recovered, payloads }`;

/**
 * Reads a part of a topic's history. Changes nothing of the topic.
 *
 * KEYS: meta, stream. ARGV: history size, history lifetime in ms, the most events, epoch and offset to read after (''
 * and 0: from the oldest). Returns { epoch, offset of the first event, 1 recovered | 0 not, the payloads in order }. It
 * ends before a hole, so that the next page is not recovered.
 */
const HISTORY = `
local size, lifetime, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local isStart, since = ARGV[4] == '', tonumber(ARGV[5])
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 't', 'p')
local epoch, offset = meta[1], tonumber(meta[2])
if not isOurs(epoch) then return { '', 0, isStart and 1 or 0, {} } end
local oldest = math.max(1, offset - size + 1)
local next = isStart and oldest or since + 1
if not isStart and (ARGV[4] ~= epoch or since > offset or next < oldest) then return { epoch, 0, 0, {} } end
local function read()
  if size > 1 then return redis.call('XRANGE', KEYS[2], next .. '-0', '+', 'COUNT', limit) end
  return meta[3] and next == offset and { { offset .. '-0', { 't', meta[3], 'p', meta[4] } } } or {}
end
local payloads, isOver = {}, false
while not isOver and #payloads < limit and next <= offset do
  local entries = read()
  isOver = #entries == 0
  for _, entry in ipairs(entries) do
    local at, isOld = tonumber(string.match(entry[1], '^%d+')), entry[2][2] + lifetime <= now
    if isStart and #payloads == 0 then next = at end
    isOver = #payloads == limit or at ~= next or isOld and not (isStart and #payloads == 0)
    if isOver then break end
    if not isOld then payloads[#payloads + 1] = entry[2][4] end
    next = at + 1
  end
end
local recovered = (isStart or #payloads > 0 or since == offset) and 1 or 0
return { epoch, next - #payloads, recovered, payloads }`;

/**
 * Compares subscribers' positions with their topics', and extends the epochs. A topic that is behind its own
 * subscribers was restored from an older copy: it gets a new epoch at once, otherwise its next events would be taken
 * for ones that were already seen.
 *
 * KEYS, per topic: meta, stream. ARGV: prefix for new epochs; then per topic: epoch, offset.
 * Returns per topic 0 the same | 1 not the same.
 */
const COMPARE = `
local results = {}
for i = 1, #KEYS / 2 do
  local meta = KEYS[2 * i - 1]
  local known = redis.call('HMGET', meta, 'epoch', 'offset')
  local epoch, offset = ARGV[2 * i], tonumber(ARGV[2 * i + 1])
  if known[1] == epoch and tonumber(known[2]) < offset then
    redis.call('HSET', meta, 'epoch', generation .. ARGV[1] .. i, 'offset', 0)
    redis.call('HDEL', meta, 'renewed')
    redis.call('DEL', KEYS[2 * i])
  end
  results[i] = (known[1] == epoch and tonumber(known[2]) == offset and isOurs(epoch)) and 0 or 1
  if known[1] and redis.call('PTTL', meta) < ${META_LIFETIME_MS / 2} then
    redis.call('PEXPIRE', meta, ${META_LIFETIME_MS})
  end
end
return results`;

/** The scripts for one kind of Redis. */
export interface TopicScripts {
  readonly publish: RedisScript;
  readonly read: RedisScript;
  readonly history: RedisScript;
  readonly compare: RedisScript;
}

/** Each script starts by reading the time and the store's generation, which it creates if there is none. */
const scriptsOf = (place: Place): TopicScripts => {
  const head = `${NOW}${generation(place)}${IS_OURS}`;
  const script = (operation: StoreOperation, body: string): RedisScript => new RedisScript(operation, head + body);
  return {
    publish: script('publish', PUBLISH),
    read: script('read', READ),
    history: script('read', HISTORY),
    compare: script('compare', COMPARE),
  };
};

/** The scripts of topics, on one Redis and on a cluster. */
export const TOPIC_SCRIPTS: Readonly<Record<Place, TopicScripts>> = {
  alone: scriptsOf('alone'),
  cluster: scriptsOf('cluster'),
};
