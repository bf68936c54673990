import {
  BUCKET_SIZE,
  BUCKETS,
  FREE_GUESSES,
  MAX_RESERVATIONS,
  RESERVATION_MS,
  REMEMBER_MS,
  waitAfterMs,
} from '../../rate-limit/guess-counter.js';
import { PLANS, SHORT_LIVED } from './schema-settings.js';

/** How long a counter of a rate limit stays after its end, in ms: nodes of earlier versions count by their own clocks. */
const RATE_LIMIT_SLACK_MS = 60_000;

/**
 * Presence, leases, revocations, used tokens, rate limits and guesses.
 *
 * Unlogged tables cost no write-ahead log, and are empty after a crash of PostgreSQL and on a promoted standby. They
 * hold only what nodes report again (presence) or what counts for a minute (leases, rate limits).
 */
export const PORT_SCHEMA = `
-- A node registers under another id each time it reports all of its viewers; "owner" stays the same.
create unlogged table sallyport.node (
  id uuid primary key,
  owner uuid not null,
  alive_until timestamptz not null,
  -- Whether all of its viewers are reported, so that they count.
  is_complete boolean not null default false
) with (fillfactor = 50, ${SHORT_LIVED});

-- "since" is in ms since the epoch.
create unlogged table sallyport.present (
  node uuid not null,
  viewer text collate "C" not null,
  connections integer not null,
  since bigint not null,
  primary key (node, viewer)
) with (fillfactor = 90, ${SHORT_LIVED});
create index present_viewer on sallyport.present (viewer);

create unlogged table sallyport.lease (
  name text primary key,
  taken_at timestamptz not null
) with (fillfactor = 50, ${SHORT_LIVED});

create table sallyport.revocation (
  subject text primary key,
  issued_until bigint not null,
  keep_until timestamptz not null
) with (${SHORT_LIVED});
create index revocation_keep_until on sallyport.revocation (keep_until);

create table sallyport.used_token (
  id text primary key,
  keep_until timestamptz not null
) with (${SHORT_LIVED});
create index used_token_keep_until on sallyport.used_token (keep_until);

-- The columns, in this order, are those of rate-limiter-flexible. "expire" is in ms since the epoch.
create unlogged table sallyport.rate_limit (
  key text primary key,
  points integer not null default 0,
  expire bigint
) with (fillfactor = 80, ${SHORT_LIVED});
create index rate_limit_expire on sallyport.rate_limit (expire);

-- Guesses of one bucket take turns. Rows, because every user of the database can take an advisory lock.
create table sallyport.guess_bucket (bucket integer primary key) with (fillfactor = 50, ${SHORT_LIVED});
insert into sallyport.guess_bucket select generate_series(0, ${BUCKETS - 1});

-- Times are in ms since the epoch. "reserved" holds by network from when on a reserved attempt is allowed.
create table sallyport.guess (
  bucket integer not null,
  name text not null,
  count integer not null,
  shut_until bigint not null,
  touched_at bigint not null,
  reserved jsonb not null,
  primary key (bucket, name)
) with (${SHORT_LIVED});
create index guess_touched_at on sallyport.guess (touched_at);

-- Extends a node's lease. False if it had expired or was lost, for its viewers may then have been removed.
create function sallyport.beat(node_id uuid, lease_ms integer) returns boolean language sql ${PLANS} as $$
  with renewed as (
    update sallyport.node n set alive_until = clock_timestamp() + lease_ms * interval '1 ms'
    where n.id = node_id and n.alive_until > clock_timestamp() returning 1
  )
  select exists (select from renewed)
$$;

-- Reports some viewers of a node, with 0 connections those who have left, and extends its lease. False as for beat:
-- nothing is then reported.
create function sallyport.report_presence(
  node_id uuid, lease_ms integer, viewers text[], counts integer[], since_ms bigint[]
) returns boolean language plpgsql ${PLANS} as $$
begin
  if not sallyport.beat(node_id, lease_ms) then return false; end if;
  delete from sallyport.present p where p.node = node_id and p.viewer = any(array(
    select u.viewer from unnest(viewers, counts) as u(viewer, connections) where u.connections = 0));
  insert into sallyport.present (node, viewer, connections, since)
  select node_id, u.viewer, u.connections, u.since
  from unnest(viewers, counts, since_ms) as u(viewer, connections, since) where u.connections > 0
  on conflict (node, viewer) do update set connections = excluded.connections, since = excluded.since;
  return true;
end $$;

-- Lets the viewers of a node count, now that all are reported, in place of those under its owner's other ids. False as
-- for beat.
create function sallyport.complete_presence(node_id uuid, owner_id uuid, lease_ms integer) returns boolean
language plpgsql ${PLANS} as $$
begin
  if not sallyport.beat(node_id, lease_ms) then return false; end if;
  update sallyport.node n set is_complete = true where n.id = node_id;
  update sallyport.node n set alive_until = '-infinity' where n.owner = owner_id and n.id <> node_id;
  return true;
end $$;

-- Up to "most" connected viewers in order, after a given one. "is true" keeps the planner from searching by node, which
-- would read all viewers.
create function sallyport.connected_viewers(after_viewer text, most integer) returns setof text
language plpgsql stable ${PLANS} set enable_sort = off set enable_hashagg = off as $$
declare
  alive uuid[] := array(select n.id from sallyport.node n where n.is_complete and n.alive_until > clock_timestamp());
begin
  return query
  select distinct p.viewer from sallyport.present p
  where p.viewer > after_viewer collate "C" and (p.node = any(alive)) is true order by p.viewer limit most;
end $$;

-- Those of some viewers who are connected to nodes of other owners.
create function sallyport.present_elsewhere(viewers text[], owner_id uuid)
returns table (viewer text, connections integer, since bigint) language plpgsql stable ${PLANS} as $$
declare
  others uuid[] := array(
    select n.id from sallyport.node n
    where n.is_complete and n.alive_until > clock_timestamp() and n.owner <> owner_id);
begin
  return query
  select p.viewer, sum(p.connections)::integer, min(p.since)
  from sallyport.present p where p.viewer = any(viewers) and (p.node = any(others)) is true group by p.viewer;
end $$;

-- Until when tokens of these subjects are revoked, in ms since the epoch and in their order; 0 if none are.
create function sallyport.revoked_until(subjects text[]) returns setof bigint language sql stable ${PLANS} as $$
  select coalesce((select r.issued_until from sallyport.revocation r where r.subject = s.subject), 0)
  from unnest(subjects) with ordinality as s(subject, place) order by s.place
$$;

-- True for one caller if the time has passed since the last lease. A time in the future is of a clock that was set back.
create function sallyport.take_lease(lease_name text, rest_ms integer) returns boolean language sql ${PLANS} as $$
  with taken as (
    insert into sallyport.lease as l (name, taken_at) values (lease_name, clock_timestamp())
    on conflict (name) do update set taken_at = clock_timestamp()
    where l.taken_at > clock_timestamp() or l.taken_at <= clock_timestamp() - rest_ms * interval '1 ms'
    returning 1
  )
  select exists (select from taken)
$$;

-- One step for one subject. Verbs: reserve | wrong | right | back. "reserve" returns the count, or minus the wait in ms; the others return 0.
create function sallyport.count_guess(
  verb text, subject_bucket integer, subject_name text, network text, counted integer
) returns bigint language plpgsql ${PLANS} as $$
declare
  now_ms bigint;
  known sallyport.guess;
  mine bigint;
begin
  perform from sallyport.guess_bucket b where b.bucket = subject_bucket for update;
  now_ms := floor(extract(epoch from clock_timestamp()) * 1000);
  select * into known from sallyport.guess g where g.bucket = subject_bucket and g.name = subject_name;
  if verb = 'right' then
    if found then delete from sallyport.guess g where g.bucket = subject_bucket and g.name = subject_name; end if;
    return 0;
  end if;
  if not found then
    if verb <> 'reserve' then return 0; end if;
    known := row(subject_bucket, subject_name, 0, 0, 0, '{}'::jsonb)::sallyport.guess;
  elsif known.touched_at + ${REMEMBER_MS} <= now_ms then
    known.count := 0;
    known.shut_until := 0;
    known.reserved := '{}';
  end if;
  known.reserved := (select coalesce(jsonb_object_agg(r.key, r.value), '{}') from jsonb_each(known.reserved) r
    where r.value::bigint + ${RESERVATION_MS} > now_ms);
  if verb = 'wrong' then
    known.shut_until := greatest(known.shut_until, now_ms + sallyport.guess_wait(counted));
  elsif verb = 'back' then
    known.count := known.count - 1;
    if counted > ${FREE_GUESSES} then known.shut_until := 0; end if;
    if known.count <= 0 then
      delete from sallyport.guess g where g.bucket = subject_bucket and g.name = subject_name;
      return 0;
    end if;
  else
    mine := (known.reserved ->> network)::bigint;
    if known.shut_until > now_ms and (mine is null or mine > now_ms) then
      if mine is null then
        mine := known.shut_until;
        if (select count(*) from jsonb_object_keys(known.reserved)) < ${MAX_RESERVATIONS} then
          known.reserved := known.reserved || jsonb_build_object(network, mine);
          perform sallyport.write_guess(known, now_ms);
        end if;
      end if;
      return now_ms - mine;
    end if;
    known.reserved := known.reserved - network;
    known.count := known.count + 1;
    known.shut_until := greatest(known.shut_until, now_ms + sallyport.guess_wait(known.count));
  end if;
  perform sallyport.write_guess(known, now_ms);
  return case when verb = 'reserve' then known.count else 0 end;
end $$;

-- How long a subject waits after this number of guesses in a row, in ms.
create function sallyport.guess_wait(counted integer) returns bigint language sql immutable as $$
  select case when counted <= ${FREE_GUESSES} then 0
    else least(${waitAfterMs(Number.MAX_SAFE_INTEGER)}, 1000 * 2 ^ least(counted - ${FREE_GUESSES + 1}, 30))::bigint end
$$;

-- Keeps a subject's guesses; the caller has locked the bucket. A full bucket drops the subject with the fewest, among
-- these the oldest.
create function sallyport.write_guess(kept sallyport.guess, now_ms bigint) returns void language plpgsql ${PLANS} as $$
begin
  update sallyport.guess g
  set count = kept.count, shut_until = kept.shut_until, touched_at = now_ms, reserved = kept.reserved
  where g.bucket = kept.bucket and g.name = kept.name;
  if found then return; end if;
  delete from sallyport.guess g where g.bucket = kept.bucket and g.name = any(array(
    select x.name from sallyport.guess x where x.bucket = kept.bucket
    order by case when x.touched_at + ${REMEMBER_MS} <= now_ms then 0 else x.count end desc, x.touched_at desc
    offset ${BUCKET_SIZE - 1}));
  insert into sallyport.guess values (kept.bucket, kept.name, kept.count, kept.shut_until, now_ms, kept.reserved);
end $$;

-- Removes up to "most" expired rows of each table, and viewers of nodes whose lease has expired. Returns the largest
-- number of one table: call it again while that is as many as asked for.
create function sallyport.sweep_ports(most integer) returns integer language plpgsql ${PLANS} as $$
declare
  -- In a variable: an index cannot be searched for the result of a volatile function.
  present_time timestamptz := clock_timestamp();
  now_ms bigint := floor(extract(epoch from present_time) * 1000);
  gone uuid;
  removed integer;
  viewers integer := 0;
  largest integer;
begin
  -- One sweep at a time.
  perform from sallyport.sweep for update skip locked;
  if not found then return 0; end if;
  -- The lock on its row keeps a node that comes back from reporting meanwhile.
  for gone in select n.id from sallyport.node n where n.alive_until <= present_time for update skip locked loop
    delete from sallyport.present p where p.node = gone and p.viewer = any(array(
      select x.viewer from sallyport.present x where x.node = gone order by x.viewer limit most - viewers));
    get diagnostics removed = row_count;
    viewers := viewers + removed;
    exit when viewers >= most;
    delete from sallyport.node n where n.id = gone;
  end loop;
  largest := viewers;
  -- The time is checked again for a row that was renewed meanwhile; "is true" keeps the planner from searching by it.
  delete from sallyport.revocation r where (r.keep_until < present_time) is true and r.subject = any(array(
    select x.subject from sallyport.revocation x where x.keep_until < present_time order by x.keep_until limit most));
  get diagnostics removed = row_count;
  largest := greatest(largest, removed);
  delete from sallyport.used_token u where u.id = any(array(
    select x.id from sallyport.used_token x where x.keep_until < present_time order by x.keep_until limit most));
  get diagnostics removed = row_count;
  largest := greatest(largest, removed);
  delete from sallyport.rate_limit r where (r.expire < now_ms - ${RATE_LIMIT_SLACK_MS}) is true and r.key = any(array(
    select x.key from sallyport.rate_limit x where x.expire < now_ms - ${RATE_LIMIT_SLACK_MS}
    order by x.expire limit most));
  get diagnostics removed = row_count;
  largest := greatest(largest, removed);
  delete from sallyport.guess g where (g.touched_at < now_ms - ${REMEMBER_MS}) is true and g.ctid = any(array(
    select x.ctid from sallyport.guess x where x.touched_at < now_ms - ${REMEMBER_MS}
    order by x.touched_at limit most));
  get diagnostics removed = row_count;
  return greatest(largest, removed);
end $$;
`;
