import { PLANS } from './schema-settings.js';
import { GENERATION_LENGTH, TOPIC_LIFETIME_MS } from './topic-schema.js';

/**
 * How topics are created and kept. A feed's history may change between versions: topics that exist follow the newest
 * definition. Reading extends a topic's life too, so that a topic does not end under a viewer who has just come back.
 */
export const DEFINITION_SCHEMA = `
-- Creates the topics that are missing, or of another generation, and gives the others these definitions. Names may
-- repeat; the first definition counts. One that has expired may be about to be removed: renewing it waits for that, and
-- then it is missing.
create or replace function sallyport.ensure_topics(names text[], sizes integer[], lifetimes bigint[])
returns void language plpgsql ${PLANS} as $$
declare
  ours text := (select id from sallyport.generation);
  stale bigint[];
  is_due boolean;
begin
  select array_agg(t.id) filter (where left(t.epoch, ${GENERATION_LENGTH}) <> ours),
    bool_or((t.history_size, t.history_ms) <> (u.size, u.lifetime) or t.kept_until < clock_timestamp())
  into stale, is_due
  from unnest(names, sizes, lifetimes) as u(name, size, lifetime) join sallyport.topic t on t.name = u.name;
  if stale is not null then perform sallyport.drop_topics(stale); end if;
  if is_due then
    update sallyport.topic t set history_size = u.size, history_ms = u.lifetime,
      kept_until = clock_timestamp() + greatest(${TOPIC_LIFETIME_MS}, 2 * u.lifetime) * interval '1 ms'
    from (
      select distinct on (n.name) n.* from unnest(names, sizes, lifetimes) with ordinality as n(name, size, lifetime, place)
      order by n.name, n.place
    ) u
    where t.name = u.name
      and ((t.history_size, t.history_ms) <> (u.size, u.lifetime) or t.kept_until < clock_timestamp());
  end if;
  insert into sallyport.topic (name, epoch, history_size, history_ms, kept_until)
  select distinct on (u.name) u.name, ours || sallyport.random_id(14), u.size, u.lifetime,
    clock_timestamp() + greatest(${TOPIC_LIFETIME_MS}, 2 * u.lifetime) * interval '1 ms'
  from unnest(names, sizes, lifetimes) with ordinality as u(name, size, lifetime, place)
  where not exists (select from sallyport.topic t where t.name = u.name)
  order by u.name, u.place
  on conflict (name) do nothing;
end $$;

-- As sallyport.read_topic, but extends the topic's life, and gives it this definition, where the database takes writes.
create or replace function sallyport.read_renewed_topic(
  topic_name text, size integer, lifetime bigint, since_epoch text, since_offset bigint, otherwise text,
  out epoch text, out "offset" bigint, out recovered integer, out payloads text[], out log_head bigint
) language plpgsql ${PLANS} as $$
begin
  if current_setting('transaction_read_only') = 'off' then
    update sallyport.topic t set history_size = size, history_ms = lifetime,
      kept_until = clock_timestamp() + greatest(${TOPIC_LIFETIME_MS}, 2 * lifetime) * interval '1 ms'
    where t.name = topic_name and (
      t.kept_until < clock_timestamp() + ${TOPIC_LIFETIME_MS / 2} * interval '1 ms'
      or (t.history_size, t.history_ms) <> (size, lifetime));
  end if;
  select r.epoch, r."offset", r.recovered, r.payloads, r.log_head into epoch, "offset", recovered, payloads, log_head
  from sallyport.read_topic(topic_name, size, lifetime, since_epoch, since_offset, otherwise) r;
end $$;
`;
