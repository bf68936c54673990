import { PLANS } from './schema-settings.js';

/** An arbitrary number of an advisory lock, which the active relay holds. */
const LEAD_LOCK = 0x5a11_0b10;
/** A relay that has asked for nothing for this long has stopped, in milliseconds: it asks at least every 500 ms. */
const SILENT_MS = 1_500;
/** The same for one that does not take the answer to its last statement, which ends by itself after 4 seconds. */
const STUCK_MS = 6_000;
/** Where names of a function lead, whatever the search_path of the role that calls it: others may create in `public`. */
const OWN_PATH = 'set search_path = pg_catalog, pg_temp';

/**
 * What the relay calls, beside other roles of the database, which may create functions in a schema of the search_path and
 * may hold advisory locks: these functions call none of theirs, and events are delivered all the same.
 */
export const OUTBOX_ROLES_SCHEMA = `
alter function sallyport.outbox_awake() ${OWN_PATH};
alter function sallyport.outbox_asleep() ${OWN_PATH};
alter function sallyport.outbox_backlog() ${OWN_PATH};
alter function sallyport.random_id(integer) ${OWN_PATH};
alter function sallyport.identity() ${OWN_PATH};

-- Makes this connection the active relay. False while another one is. One whose process has stopped is disconnected, so
-- that the next call succeeds. While another role holds the lock, every relay is active: that costs more, and loses
-- nothing.
create or replace function sallyport.lead_outbox() returns boolean language plpgsql ${OWN_PATH} as $$
declare
  holder record;
  is_foreign boolean := false;
begin
  if pg_try_advisory_lock(${LEAD_LOCK}) then return true; end if;
  for holder in
    select a.pid, a.usename <> session_user as is_foreign, a.state_change < clock_timestamp()
      - case when a.state = 'idle' then ${SILENT_MS} else ${STUCK_MS} end * interval '1 ms' as has_stopped
    from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'advisory' and l.granted and l.classid = 0 and l.objid = ${LEAD_LOCK} and l.objsubid = 1
      and l.database = (select d.oid from pg_database d where d.datname = current_database())
  loop
    if holder.is_foreign then is_foreign := true;
    elsif holder.has_stopped then perform pg_terminate_backend(holder.pid);
    end if;
  end loop;
  return is_foreign;
end $$;

-- Repairs what a crash or a restored copy has left. Looks at the whole outbox, so it is called when that is short.
create or replace function sallyport.tidy_outbox() returns void language plpgsql ${OWN_PATH} as $$
begin
  -- One node tidies at a time.
  perform from sallyport.outbox_start for update skip locked;
  if not found then return; end if;
  with gone as (
    delete from sallyport.outbox_commit c
    where not exists (select from sallyport.outbox o where o.xid = c.xid) returning c.xid
  )
  delete from sallyport.outbox_transaction t where t.xid = any(array(select g.xid from gone g));
  -- Where triggers were off, such as in a restore.
  insert into sallyport.outbox_commit (seq, xid)
  select nextval('sallyport.outbox_commit_seq'), orphan.xid
  from (
    select o.xid from sallyport.outbox o
    where not exists (select from sallyport.outbox_commit c where c.xid = o.xid) group by o.xid order by min(o.id)
  ) orphan;
end $$;

-- Removes published events, keeps rejected ones with their reasons, and forgets finished commits. Returns how many were
-- rejected now. Another relay may have done the same. In a restore without the values of sequences, ids start again.
create or replace function sallyport.settle_outbox(
  published bigint[], refused bigint[], reasons text[], commits bigint[]
) returns integer language plpgsql ${PLANS} as $$
declare
  rejected integer := 0;
begin
  delete from sallyport.outbox o where o.id = any(published);
  if cardinality(refused) > 0 then
    perform sallyport.lock_log();
    with gone as (
      delete from sallyport.outbox o where o.id = any(refused)
      returning o.id, o.topic, o.viewer, o.payload, o.key, o.created_at
    )
    insert into sallyport.rejected_event (id, topic, viewer, payload, key, reason, created_at)
    select g.id, g.topic, g.viewer, g.payload, g.key, r.reason, g.created_at
    from gone g join unnest(refused, reasons) as r(id, reason) on r.id = g.id
    on conflict (id) do update set (topic, viewer, payload, key, reason, created_at, rejected_at)
      = (excluded.topic, excluded.viewer, excluded.payload, excluded.key, excluded.reason, excluded.created_at,
         clock_timestamp());
    get diagnostics rejected = row_count;
  end if;
  with gone as (
    delete from sallyport.outbox_commit c
    where c.seq = any(commits) and not exists (select from sallyport.outbox o where o.xid = c.xid) returning c.xid
  )
  delete from sallyport.outbox_transaction t where t.xid = any(array(select g.xid from gone g));
  return rejected;
end $$;
`;
