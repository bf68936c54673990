import { PLANS } from './schema-settings.js';

/** The setting of a transaction in which a publisher names its trace. */
const SETTING = 'sallyport.traceparent';
/** The length of a `traceparent`. */
const LENGTH = 55;

/**
 * The trace of an event, beside it in the log and in the outbox. A null takes no space in a row. Nodes of earlier
 * versions use the functions without it.
 */
export const TRACE_SCHEMA = `
alter table sallyport.event add column trace text;
alter table sallyport.outbox add column trace text;
-- Afterwards, so that it is not asked for the rows that are there.
alter table sallyport.outbox alter column trace set default nullif(left(current_setting('${SETTING}', true), ${LENGTH}), '');

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
