import { IDENTITY } from './identity-schema.js';
import { PLANS, SHORT_LIVED } from './schema-settings.js';

/** The channel of the notifications that wake the nodes. They have no payload: the log says what happened. */
export const EVENT_CHANNEL = 'sallyport_event';
/** The length of a generation's id, with which every epoch starts. */
export const GENERATION_LENGTH = 6;
/** How long an epoch is kept after the last publish or read, in milliseconds. Connected subscribers extend it. */
export const TOPIC_LIFETIME_MS = 3_600_000;

/**
 * Topics, their log and history, and idempotency keys.
 *
 * `event` is the log of all topics and their history at once. Appending takes one lock until its transaction has
 * committed, so the order of `seq` is the order of commits: a reader that has read up to a `seq` has missed nothing
 * before it. A topic's newest offset is that of its newest row, since a counter of its own would be updated with each
 * event: its old versions, which a long transaction elsewhere keeps from being removed, would slow every publish.
 *
 * A row with topic 0 is a message to all nodes, such as the end of sessions.
 */
export const TOPIC_SCHEMA = `
create table sallyport.generation (
  only_row boolean primary key default true check (only_row),
  id text not null,
  system text not null,
  timeline text not null
);

create table sallyport.topic (
  id bigint generated always as identity primary key,
  name text not null unique,
  epoch text not null,
  history_size integer not null,
  history_ms bigint not null,
  kept_until timestamptz not null
) with (fillfactor = 80, ${SHORT_LIVED});
create index topic_kept_until on sallyport.topic (kept_until);

create sequence sallyport.event_seq cache 1;

create table sallyport.event (
  seq bigint not null,
  topic bigint not null,
  "offset" bigint not null,
  at timestamptz not null,
  payload text not null,
  primary key (seq)
) with (${SHORT_LIVED}, toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 5000);
create index event_topic_offset on sallyport.event (topic, "offset");

create table sallyport.idempotency_key (
  hash text primary key,
  digest text not null,
  epoch text not null,
  "offset" bigint not null,
  expires_at timestamptz not null
) with (${SHORT_LIVED});
create index idempotency_key_expires_at on sallyport.idempotency_key (expires_at);

create table sallyport.sweep (
  only_row boolean primary key default true check (only_row),
  swept_seq bigint not null
);
insert into sallyport.sweep (swept_seq) values (0);

-- A random id of a generation or the rest of an epoch.
create function sallyport.random_id(length integer) returns text language sql volatile as $$
  select left(translate(encode(decode(replace(gen_random_uuid()::text, '-', ''), 'hex'), 'base64'), '+/=', '-_'), length)
$$;

${IDENTITY}
-- Called on each new connection to the log: starts another generation, and with it other epochs, if this PostgreSQL may
-- have lost events: it is another one, a promoted standby, or behind what this node has seen (null: nothing yet).
-- Returns after which entry to read. No entry that is not visible yet has a lower seq than one that is.
create function sallyport.settle(seen bigint) returns bigint language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  here record;
  known sallyport.generation;
  newest bigint;
begin
  select * into here from sallyport.identity();
  select * into known from sallyport.generation;
  select case when q.is_called then q.last_value else 0 end into newest from sallyport.event_seq q;
  if known.id is null or (known.system, known.timeline) is distinct from (here.system, here.timeline) or seen > newest then
    perform sallyport.lock_log();
    insert into sallyport.generation (id, system, timeline)
    values (sallyport.random_id(${GENERATION_LENGTH}), here.system, here.timeline)
    on conflict (only_row) do update set id = excluded.id, system = excluded.system, timeline = excluded.timeline
    -- Another node may have done it meanwhile.
    where (generation.system, generation.timeline) is distinct from (excluded.system, excluded.timeline)
      or generation.id = known.id;
  end if;
  if seen <= newest and seen >= (select s.swept_seq from sallyport.sweep s) then return seen; end if;
  return coalesce((select max(e.seq) from sallyport.event e), 0);
end $$;

-- Removes topics with their histories; their cursors are then invalid.
create function sallyport.drop_topics(ids bigint[]) returns void language sql ${PLANS} as $$
  delete from sallyport.topic t where t.id = any(ids);
  delete from sallyport.event e where e.topic = any(ids);
$$;

-- Takes the lock of the log, which is held until the transaction ends. A table, because every user of the database can
-- take an advisory lock.
create table sallyport.log_lock ();
create function sallyport.lock_log() returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  lock table sallyport.log_lock in exclusive mode;
end $$;

-- The log after a position, in order. The name is '' for a message to all nodes, and null for a topic that was removed.
-- At most so many entries, and no more once their payloads are larger than most_bytes together.
create function sallyport.read_log(after bigint, most integer, most_bytes integer)
returns table (seq bigint, name text, epoch text, "offset" bigint, payload text)
language sql stable rows 100 ${PLANS} set enable_hashjoin = off set enable_mergejoin = off as $$
  select e.seq, case when e.topic = 0 then '' else t.name end, t.epoch, e."offset", e.payload
  from (
    select found.*, sum(octet_length(found.payload)) over (order by found.seq) - octet_length(found.payload) as before
    from (select * from sallyport.event e where e.seq > after order by e.seq limit most) found
  ) e left join sallyport.topic t on t.id = e.topic
  where e.before <= most_bytes order by e.seq
$$;

-- Sends a message to all nodes, in the order of the log.
create function sallyport.announce(message text) returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform sallyport.lock_log();
  insert into sallyport.event (seq, topic, "offset", at, payload)
  values (nextval('sallyport.event_seq'), 0, 0, clock_timestamp(), message);
  perform pg_notify('${EVENT_CHANNEL}', '');
end $$;

-- Reads a topic's position, and what a subscriber gets first. Creates the topic if there is none, so that a
-- subscription has a position before the first event. since_epoch '' means that no position was asked for. recovered:
-- 1 yes | 0 no | -1 not asked. payloads: the newest events in order. log_head: what the log must have told this node
-- before it may deliver them.
create function sallyport.read_topic(
  topic_name text, size integer, lifetime bigint, since_epoch text, since_offset bigint, otherwise text,
  out epoch text, out "offset" bigint, out recovered integer, out payloads text[], out log_head bigint
) language plpgsql ${PLANS} as $$
declare
  found_id bigint;
  wanted bigint;
begin
  select t.id, t.epoch into found_id, epoch from sallyport.topic t, sallyport.generation g
  where t.name = topic_name and left(t.epoch, ${GENERATION_LENGTH}) = g.id;
  if found_id is null then
    perform sallyport.ensure_topics(array[topic_name], array[size], array[lifetime]);
    select t.id, t.epoch into found_id, epoch from sallyport.topic t where t.name = topic_name;
  end if;
  recovered := case when since_epoch = '' then -1 else 0 end;
  -- One statement, so one snapshot: position, events and head of the log belong together.
  with newest as (
    select e."offset", e.at, e.payload from sallyport.event e
    where e.topic = found_id order by e."offset" desc limit size
  ), kept as (
    select n."offset", n.payload, n.at > clock_timestamp() - lifetime * interval '1 ms' as is_young from newest n
  ), old as (
    -- After the clock was set back, a later event can have an earlier time. Only events after the newest expired one are
    -- returned, so there is no hole.
    select coalesce(max(k."offset"), 0) as newest from kept k where not k.is_young
  )
  select coalesce(max(k."offset"), 0),
    coalesce(array_agg(k.payload order by k."offset") filter (where k."offset" > (select o.newest from old o)), '{}'),
    (select coalesce(max(e.seq), 0) from sallyport.event e)
  into "offset", payloads, log_head from kept k;
  if since_epoch = epoch and since_offset <= "offset" and "offset" - since_offset <= cardinality(payloads) then
    recovered := 1;
    wanted := "offset" - since_offset;
  else
    wanted := case when otherwise = 'last-event' then 1 when otherwise = 'history' and recovered = -1 then size else 0 end;
  end if;
  payloads := payloads[greatest(cardinality(payloads) - wanted, 0) + 1 : cardinality(payloads)];
end $$;

-- Reads a part of a topic's history and changes nothing. after_epoch '' means from the oldest event. first_offset is
-- that of the first event returned.
create function sallyport.read_history(
  topic_name text, size integer, lifetime bigint, after_epoch text, after_offset bigint, most integer,
  out epoch text, out first_offset bigint, out recovered boolean, out payloads text[]
) language plpgsql stable ${PLANS} as $$
declare
  found_id bigint;
  newest_offset bigint;
begin
  select t.id, t.epoch into found_id, epoch from sallyport.topic t, sallyport.generation g
  where t.name = topic_name and left(t.epoch, ${GENERATION_LENGTH}) = g.id;
  with newest as (
    select e."offset", e.payload, e.at > clock_timestamp() - lifetime * interval '1 ms' as is_young from sallyport.event e
    where e.topic = found_id order by e."offset" desc limit size
  ), wanted as (
    select n."offset", n.payload, n.is_young from newest n where after_epoch = '' or n."offset" > after_offset
  ), hole as (
    select min(w."offset") as first from wanted w
    where not w.is_young and w."offset" > (select min(y."offset") from wanted y where y.is_young)
  ), page as (
    select w."offset", w.payload from wanted w, hole h
    where w.is_young and (h.first is null or w."offset" < h.first)
    order by w."offset" limit most
  )
  select (select max(n."offset") from newest n), min(p."offset"), coalesce(array_agg(p.payload order by p."offset"), '{}')
  into newest_offset, first_offset, payloads from page p;
  recovered := after_epoch = '' or (after_epoch = epoch
    and coalesce(first_offset = after_offset + 1, after_offset = coalesce(newest_offset, 0)));
  if recovered is not true then
    recovered := false;
    payloads := '{}';
  end if;
end $$;

-- Compares subscribers' positions with their topics', and extends the topics' lives. Returns the places that differ,
-- from 1. A topic that is behind its own subscribers was restored from an older copy: it gets a new epoch at once,
-- otherwise its next events would be taken for ones that were already seen.
create function sallyport.differing(names text[], epochs text[], offsets bigint[]) returns setof bigint
language plpgsql ${PLANS} as $$
begin
  perform sallyport.drop_topics(array(
    select t.id from unnest(names, epochs, offsets) as u(name, epoch, "offset")
    join sallyport.topic t on t.name = u.name and t.epoch = u.epoch
    where u."offset" > coalesce(
      (select e."offset" from sallyport.event e where e.topic = t.id order by e."offset" desc limit 1), 0)));
  update sallyport.topic t set kept_until = clock_timestamp() + greatest(${TOPIC_LIFETIME_MS}, 2 * t.history_ms) * interval '1 ms'
  where t.name = any(names) and t.kept_until < clock_timestamp() + ${TOPIC_LIFETIME_MS / 2} * interval '1 ms';
  return query
  select u.place from unnest(names, epochs, offsets) with ordinality as u(name, epoch, "offset", place)
  where not exists (
    select from sallyport.topic t, sallyport.generation g
    where t.name = u.name and t.epoch = u.epoch and left(t.epoch, ${GENERATION_LENGTH}) = g.id
      and u."offset" = coalesce(
        (select e."offset" from sallyport.event e where e.topic = t.id order by e."offset" desc limit 1), 0));
end $$;
`;
