import { PLANS } from './schema-settings.js';

/**
 * How long every event stays in the log, in milliseconds, so that a node that was disconnected for less than this misses
 * none.
 */
const LOG_MS = 60_000;

/** The function that removes expired events, topics and keys. */
export const SWEEP_SCHEMA = `
-- Removes up to "most" rows of the log that no history needs any more, topics that nobody has used for long, and expired
-- keys. Returns how many rows of the log it has looked at: call it again while that is as many as asked for. A history keeps its
-- newest events; those of one that is still in use but older than its lifetime are not read, and go with its topic.
create or replace function sallyport.sweep_log(most integer) returns integer language plpgsql ${PLANS} as $$
declare
  -- In a variable: an index cannot be searched for the result of a volatile function.
  present_time timestamptz := clock_timestamp();
  low bigint;
  high bigint;
  looked_at integer;
begin
  -- One sweep at a time; it takes no lock that publishing waits for.
  select s.swept_seq into low from sallyport.sweep s for update skip locked;
  if low is null then return 0; end if;
  select max(oldest.seq), count(*) into high, looked_at from (
    select e.seq, e.at from sallyport.event e where e.seq > low order by e.seq limit most
  ) oldest
  -- One from the future was appended before the clock was set back, which stops nothing.
  where oldest.at not between present_time - ${LOG_MS} * interval '1 ms' and present_time + ${LOG_MS} * interval '1 ms';
  if high is not null then
    delete from sallyport.event e using (
      select t.id, newest."offset" - t.history_size as obsolete
      from (select distinct s.topic from sallyport.event s where s.seq > low and s.seq <= high) touched
      join sallyport.topic t on t.id = touched.topic
      cross join lateral (
        select n."offset" from sallyport.event n where n.topic = t.id order by n."offset" desc limit 1) newest
    ) full_history
    where e.topic = full_history.id and e."offset" <= full_history.obsolete and e.seq <= high;
    delete from sallyport.event e
    where e.seq > low and e.seq <= high and not exists (select from sallyport.topic t where t.id = e.topic);
    update sallyport.sweep set swept_seq = high;
  end if;
  -- Locked first: one that is being renewed at this moment stays.
  perform sallyport.drop_topics(array(
    select t.id from sallyport.topic t where t.kept_until < present_time order by t.kept_until limit most
    for update skip locked));
  delete from sallyport.idempotency_key k where (k.expires_at < present_time) is true and k.hash = any(array(
    select x.hash from sallyport.idempotency_key x where x.expires_at < present_time order by x.expires_at limit most));
  return looked_at;
end $$;
`;
