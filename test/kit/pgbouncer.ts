import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { vi } from 'vitest';
import { freePort } from '../../scripts/free-port.mjs';
import { unprivileged } from '../../scripts/test-services.mjs';
import { requireNeed } from './needs.js';
import { temporaryFolder } from './temporary-folder.js';

/** A PgBouncer in front of a database, configured as in docs/postgres-store.md. */
export interface PgBouncer {
  /** Transaction pooling: each transaction gets a server connection. */
  readonly transactionUrl: string;
  /** Session pooling: each client keeps its server connection. */
  readonly sessionUrl: string;
  stop(): Promise<void>;
}

/**
 * Starts a PgBouncer.
 *
 * @param url the database, whose user needs no password
 * @param ignored what it ignores when a connection starts. Default: what a node needs
 */
export async function startPgBouncer(
  url: string,
  ignored = 'statement_timeout, idle_in_transaction_session_timeout',
): Promise<PgBouncer> {
  const folder = temporaryFolder('pgbouncer');
  const { uid, gid } = unprivileged();
  if (uid !== undefined && gid !== undefined) chownSync(folder.path, uid, gid);
  const [port, { hostname, port: target, pathname, username, password }] = [await freePort(), new URL(url)];
  // PgBouncer would take what follows an empty password for the password.
  const login = password === '' ? `user=${username}` : `user=${username} password=${password}`;
  const server = `host=${hostname} port=${target} dbname=${pathname.slice(1)} ${login}`;
  const file = join(folder.path, 'pgbouncer.ini');
  writeFileSync(
    file,
    `[databases]
transactions = ${server} pool_mode=transaction pool_size=3
sessions = ${server} pool_mode=session
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
ignore_startup_parameters = ${ignored}
`,
  );
  const child: ChildProcess = spawn(requireNeed('pgbouncer'), [file], { ...unprivileged(), stdio: 'ignore' });
  const stop = async (): Promise<void> => {
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
    folder.remove();
  };
  const at = (name: string): string => `postgres://${username}@127.0.0.1:${port}/${name}`;
  await vi.waitFor(
    async () => {
      const client = new pg.Client({ connectionString: at('sessions') });
      client.on('error', () => undefined);
      await client.connect();
      await client.end();
    },
    { timeout: 15_000, interval: 50 },
  );
  return { transactionUrl: at('transactions'), sessionUrl: at('sessions'), stop };
}
