/** Tables whose rows live for minutes: vacuumed by the number of dead rows, whatever the size, and at full speed. */
export const SHORT_LIVED = `
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000,
  autovacuum_vacuum_cost_delay = 0`;

/** Statistics of these tables are old as soon as they are made; every statement here is meant to use an index. */
export const PLANS =
  'set enable_seqscan = off set enable_bitmapscan = off set jit = off set search_path = pg_catalog, pg_temp';
