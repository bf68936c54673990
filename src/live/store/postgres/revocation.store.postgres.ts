import { KEEP_REVOCATION_SECONDS, RevocationStore } from '../../sessions/revocation.store.js';
import type { PostgresConnection } from './postgres.connection.js';

const REMEMBER = `
insert into sallyport.revocation as r (subject, issued_until, keep_until)
values ($1, $2, clock_timestamp() + $3 * interval '1 second')
on conflict (subject) do update
set issued_until = greatest(r.issued_until, excluded.issued_until), keep_until = excluded.keep_until`;

/** Revocations of all nodes of one PostgreSQL; they survive a restart. */
export class PostgresRevocationStore extends RevocationStore {
  constructor(private readonly postgres: PostgresConnection) {
    super();
  }

  override async remember(subject: string, issuedUntilMs: number): Promise<void> {
    await this.postgres.run(REMEMBER, [subject, issuedUntilMs, KEEP_REVOCATION_SECONDS]);
  }

  override async issuedUntil(subjects: readonly string[]): Promise<readonly number[]> {
    const statement = 'select sallyport.revoked_until($1) as until';
    const rows = await this.postgres.run<{ until: string }>(statement, [subjects]);
    return rows.map(({ until }) => Number(until));
  }
}
