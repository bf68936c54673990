import { PLANS } from './schema-settings.js';

/** The setting of a transaction in which a publisher names its trace. */
const SETTING = 'sallyport.traceparent';
/** The length of a `traceparent`. */
const LENGTH = 55;
/** How long the change of a table waits for others, and how often it tries: for about a minute. */
const LOCK_TIMEOUT_MS = 100;
const TRIES = 300;

/**
 * The trace of an event, beside it in the log and in the outbox. A null takes no space in a row. Nodes of earlier
 * versions use the functions without it.
 */
export const TRACE_SCHEMA = `
-- A change that waits for a long transaction or a backup makes everyone wait who publishes meanwhile, so it gives up
-- soon and tries again.
do $$
begin
  perform set_config('lock_timeout', '${LOCK_TIMEOUT_MS}ms', true);
  for attempt in 1..${TRIES} loop
    begin
      alter table sallyport.outbox add column trace text;
      -- Afterwards, so that it is not asked for the rows that are there.
      alter table sallyport.outbox
        alter column trace set default nullif(left(current_setting('${SETTING}', true), ${LENGTH}), '');
      alter table sallyport.event add column trace text;
      return;
    exception when lock_not_available then
      perform pg_sleep(${LOCK_TIMEOUT_MS / 1000});
    end;
  end loop;
  raise exception 'sallyport.outbox and sallyport.event are in use all the time: start again when no transaction is open that has published.';
end $$;

-- As sallyport.append, for a batch with events of sampled traces: null for the others.
create function sallyport.append_traced(
  names text[], sizes integer[], lifetimes bigint[], payloads text[], keys text[], digests text[],
  outbox_rows bigint[], deadline timestamptz, traces text[]
) returns table (outcome smallint, epoch text, "offset" bigint) language plpgsql ${PLANS} as $$
declare
  place integer := 0;
  appended record;
begin
  for appended in
    select * from sallyport.append(names, sizes, lifetimes, payloads, keys, digests, outbox_rows, deadline)
  loop
    place := place + 1;
    if appended.outcome = 0 and traces[place] is not null then
      update sallyport.event e set trace = traces[place]
      from sallyport.topic t where t.name = names[place] and e.topic = t.id and e."offset" = appended."offset";
    end if;
    outcome := appended.outcome;
    epoch := appended.epoch;
    "offset" := appended."offset";
    return next;
  end loop;
end $$;

-- As sallyport.read_log, with the trace.
create function sallyport.read_traced_log(after bigint, most integer, most_bytes integer)
returns table (seq bigint, name text, epoch text, "offset" bigint, payload text, trace text)
language sql stable rows 100 ${PLANS} set enable_hashjoin = off set enable_mergejoin = off as $$
  select e.seq, case when e.topic = 0 then '' else t.name end, t.epoch, e."offset", e.payload, e.trace
  from (
    select found.*, sum(octet_length(found.payload)) over (order by found.seq) - octet_length(found.payload) as before
    from (select * from sallyport.event e where e.seq > after order by e.seq limit most) found
  ) e left join sallyport.topic t on t.id = e.topic
  where e.before <= most_bytes order by e.seq
$$;

-- The traces of those of these events of the outbox that have one.
create function sallyport.outbox_traces(ids bigint[]) returns table (id bigint, trace text)
language sql stable ${PLANS} as $$
  select o.id, o.trace from sallyport.outbox o where o.id = any(ids) and o.trace is not null
$$;
`;
