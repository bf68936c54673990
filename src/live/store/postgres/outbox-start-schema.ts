import { SHORT_LIVED } from './schema-settings.js';

/** Where a relay starts to look, so that it does not read the rows that were removed while an old transaction is open. */
export const OUTBOX_START_SCHEMA = `
-- All commits with lower numbers than seq were passed on, or have failed.
create table sallyport.outbox_start (
  only_row boolean primary key default true check (only_row),
  seq bigint not null
) with (fillfactor = 50, ${SHORT_LIVED});
insert into sallyport.outbox_start (seq) values (1);
`;
