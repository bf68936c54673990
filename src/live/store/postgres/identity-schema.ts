/** What restoring a backup into the same server changes: a new table, and a new database where that was made anew. */
const COPY = `'/' || (select d.oid from pg_database d where d.datname = current_database())
    || '/' || 'sallyport.generation'::regclass::oid`;

/** The function by which a node recognizes another server, a restored copy and a failover. */
export const IDENTITY = `
-- What identifies this copy of the database, and its history: the first differs after a restore, the second after a
-- failover.
create or replace function sallyport.identity(out system text, out timeline text) language plpgsql stable
set search_path = pg_catalog, pg_temp as $$
begin
  system := '';
  timeline := '';
  begin
    system := (pg_control_system()).system_identifier::text;
    timeline := left(pg_walfile_name(pg_current_wal_lsn()), 8);
  exception when others then
    -- A hosted PostgreSQL may not tell; the sequence alone then shows an older copy of the same database.
    null;
  end;
  system := system || ${COPY};
end $$;
`;

/**
 * For databases of before this step, which knew their server only: a restored `pg_dump` has its system identifier and
 * timeline, so positions would be given a second time, and clients that resume not be told of what was lost. A database
 * that was the same until now continues with its epochs.
 */
export const IDENTITY_SCHEMA = `${IDENTITY}
update sallyport.generation g set system = g.system || ${COPY}
where (g.system || ${COPY}, g.timeline) = (select i.system, i.timeline from sallyport.identity() i);
`;
