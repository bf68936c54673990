import { PLANS } from './schema-settings.js';
import { TOPIC_LIFETIME_MS } from './topic-schema.js';

/** Reading extends a topic's life too, so that a topic does not end under a viewer who has just come back. */
export const RENEWAL_SCHEMA = `
-- As sallyport.read_topic, but extends the topic's life where the database takes writes.
create function sallyport.read_renewed_topic(
  topic_name text, size integer, lifetime bigint, since_epoch text, since_offset bigint, otherwise text,
  out epoch text, out "offset" bigint, out recovered integer, out payloads text[], out log_head bigint
) language plpgsql ${PLANS} as $$
begin
  if current_setting('transaction_read_only') = 'off' then
    update sallyport.topic t
    set kept_until = clock_timestamp() + greatest(${TOPIC_LIFETIME_MS}, 2 * t.history_ms) * interval '1 ms'
    where t.name = topic_name and t.kept_until < clock_timestamp() + ${TOPIC_LIFETIME_MS / 2} * interval '1 ms';
  end if;
  select r.epoch, r."offset", r.recovered, r.payloads, r.log_head into epoch, "offset", recovered, payloads, log_head
  from sallyport.read_topic(topic_name, size, lifetime, since_epoch, since_offset, otherwise) r;
end $$;
`;
