import { IDEMPOTENCY_WINDOW_MS } from '../../topics/topic.bus.js';
import { PLANS } from './schema-settings.js';
import { EVENT_CHANNEL, TOPIC_LIFETIME_MS } from './topic-schema.js';

/** How often publishing extends a topic's life, in milliseconds: a write with each event would double its cost. */
const RENEW_EVERY_MS = TOPIC_LIFETIME_MS / 4;

/**
 * The function that publishes. A key is remembered as long as its event's epoch: an event of an earlier epoch is in no
 * history, and those who resume are told of a gap, so a publisher who sends it again publishes it again.
 */
export const APPEND_SCHEMA = `
-- Publishes a batch, all or nothing. Returns per publication, in order: 0 published | 1 duplicate | 2 the key was used
-- for another payload | 3 its row of the outbox was published before; then its position. No rows when it is too late:
-- the publisher may already have been told that it failed.
create or replace function sallyport.append(
  names text[], sizes integer[], lifetimes bigint[], payloads text[], keys text[], digests text[],
  outbox_rows bigint[], deadline timestamptz
) returns table (outcome smallint, epoch text, "offset" bigint) language plpgsql ${PLANS} as $$
declare
  taken bigint[];
begin
  perform sallyport.lock_log();
  if clock_timestamp() > deadline then return; end if;
  if outbox_rows is not null then
    -- Only a holder of the lock removes rows of the outbox.
    select coalesce(array_agg(o.id), '{}') into taken from sallyport.outbox o where o.id = any(outbox_rows);
  end if;
  perform sallyport.ensure_topics(names, sizes, lifetimes);
  update sallyport.topic t set kept_until = clock_timestamp() + greatest(${TOPIC_LIFETIME_MS}, 2 * t.history_ms) * interval '1 ms'
  where t.name = any(names) and t.kept_until < clock_timestamp()
    + greatest(${TOPIC_LIFETIME_MS}, 2 * t.history_ms) * interval '1 ms' - least(${RENEW_EVERY_MS}, t.history_ms / 2 + 1) * interval '1 ms';
  return query
  with input as materialized (
    select u.* from unnest(names, payloads, keys, digests, outbox_rows) with ordinality
      as u(name, payload, key, digest, outbox_row, place)
    where u.outbox_row is null or u.outbox_row in (select unnest(taken))
  ), heads as materialized (
    select t.id, t.name, t.epoch, coalesce(newest."offset", 0) as "offset"
    from sallyport.topic t
    left join lateral (
      select e."offset" from sallyport.event e where e.topic = t.id order by e."offset" desc limit 1
    ) newest on true
    where t.name = any(names)
  ), used as materialized (
    select k.hash, k.digest, k.epoch, k."offset" from sallyport.idempotency_key k
    where k.hash = any(keys) and k.expires_at > clock_timestamp() and k.epoch in (select h.epoch from heads h)
  ), first_use as materialized (
    select distinct on (i.key) i.key, i.digest, i.place from input i where i.key is not null order by i.key, i.place
  ), fresh as materialized (
    select i.* from input i
    where i.key is null or (
      not exists (select from used u where u.hash = i.key)
      and exists (select from first_use f where f.key = i.key and f.place = i.place))
  ), placed as materialized (
    select f.place, f.key, f.digest, f.payload, h.id, h.epoch,
      h."offset" + row_number() over (partition by h.id order by f.place) as "offset"
    from fresh f join heads h on h.name = f.name
  ), appended as (
    insert into sallyport.event (seq, topic, "offset", at, payload)
    select nextval('sallyport.event_seq'), p.id, p."offset", clock_timestamp(), p.payload
    from (select * from placed order by place) p
  ), remembered as (
    insert into sallyport.idempotency_key (hash, digest, epoch, "offset", expires_at)
    select p.key, p.digest, p.epoch, p."offset", clock_timestamp() + ${IDEMPOTENCY_WINDOW_MS} * interval '1 ms'
    from placed p where p.key is not null
    on conflict (hash) do update set digest = excluded.digest, epoch = excluded.epoch, "offset" = excluded."offset",
      expires_at = excluded.expires_at
  ), told as materialized (
    select every.place, i.outbox_row, (case
        when i.place is null then 3
        when p.place is not null then 0
        when coalesce(u.digest, f.digest) = i.digest then 1
        else 2 end)::smallint as outcome,
      coalesce(p.epoch, u.epoch, fp.epoch) as epoch, coalesce(p."offset", u."offset", fp."offset") as "offset"
    from generate_series(1, cardinality(names)) as every(place)
    left join input i on i.place = every.place
    left join placed p on p.place = i.place
    left join used u on u.hash = i.key
    left join first_use f on f.key = i.key
    left join placed fp on fp.place = f.place
  ), removed as (
    -- A row whose key was used for another payload stays until it is kept as a rejected event.
    delete from sallyport.outbox o
    where o.id = any(array(select t.outbox_row from told t where t.outcome < 2 and t.outbox_row is not null))
  )
  select t.outcome, t.epoch, t."offset" from told t order by t.place;
  perform pg_notify('${EVENT_CHANNEL}', '');
end $$;
`;
