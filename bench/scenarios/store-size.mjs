import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { findPostgres } from '../../scripts/test-services.mjs';
import { median } from '../lib/stats.mjs';

const TOPICS = 20_000;
const BATCH = 200;
const SIZES = `select pg_total_relation_size('sallyport.event') + pg_total_relation_size('sallyport.topic') as bytes,
  pg_total_relation_size('sallyport.idempotency_key') as "keyBytes", (select count(*) from sallyport.event) as events`;
const APPEND = `select count(*) from sallyport.append($1, $2, $3, $4, $5, $6, null, now() + interval '4 s')`;

/**
 * The disk space of the PostgreSQL store at a steady rate. Events are kept for a minute and autovacuum runs once a
 * minute, so the tables grow for two minutes; from then on their size should not change.
 * Idempotency keys live for five minutes, so their table still grows at the end.
 */
export default {
  name: 'store-size',
  title: 'Tables of the PostgreSQL store over 10⁶ events at a steady rate',
  async run(bench) {
    // A server of its own, because autovacuum may be off on an existing one.
    const server = await findPostgres();
    if (!server) {
      bench.log('  there is no PostgreSQL here: skipped');
      return [];
    }
    const [count, perSecond] = bench.quick ? [100_000, 4_000] : [1_000_000, 4_000];
    await migrate(server.url);
    const [client, sweeper] = [
      new pg.Client({ connectionString: server.url }),
      new pg.Client({ connectionString: server.url }),
    ];
    await Promise.all([client.connect(), sweeper.connect()]);
    await client.query('select sallyport.settle(null)');
    // As a node does it. The last one may still run at the end.
    let swept = Promise.resolve();
    const failed = ({ message }) => bench.log(`  a sweep failed: ${message}`);
    const timer = setInterval(() => (swept = sweeper.query('select sallyport.sweep_log(100000)').catch(failed)), 5_000);
    try {
      const samples = await publishSteadily(bench, client, { count, perSecond });
      const settled = samples.filter(({ share }) => share > 0.65);
      const [first, last] = [settled[0], settled.at(-1)];
      const figure = (id, title, unit, value, more = {}) => ({
        id,
        title,
        unit,
        values: { postgres: [value] },
        ...more,
      });
      return [
        figure('store-bytes', 'Size of events and topics with their indexes at the end', 'MB', last.bytes / 1e6),
        figure('store-key-bytes', 'Size of the idempotency keys at the end', 'MB', last.keyBytes / 1e6),
        figure(
          'store-growth',
          'Size at the end, as a multiple of that after 70 % of the events',
          '×',
          last.bytes / first.bytes,
          {
            targets: bench.quick ? [] : [{ server: 'postgres', absolute: 1.1 }],
          },
        ),
        figure('store-append', `Time to append ${BATCH} events, median`, 'ms', median(samples.map(({ ms }) => ms))),
      ];
    } finally {
      clearInterval(timer);
      await swept;
      await Promise.all([client.end(), sweeper.end()]);
      await server.stop();
    }
  },
};

/** Installs the schema in an empty database. */
async function migrate(url) {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const cli = fileURLToPath(new URL('../../dist/server/cli/main.js', import.meta.url));
  const env = { ...process.env, DATABASE_URL: url, REDIS_URL: '', STORE: 'postgres', DATA_DIR: folder };
  try {
    await promisify(execFile)(process.execPath, [cli, 'migrate'], { env });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Appends random events of many topics, half of them with a key; takes a sample after each tenth. */
async function publishSteadily(bench, client, { count, perSecond }) {
  const samples = [];
  const startedMs = performance.now();
  for (let sent = 0; sent < count; sent += BATCH) {
    const earlyMs = (sent / perSecond) * 1000 - (performance.now() - startedMs);
    if (earlyMs > 1) await new Promise((resolve) => setTimeout(resolve, earlyMs));
    const topics = Array.from({ length: BATCH }, () => Math.floor(Math.random() * TOPICS));
    const sentAtMs = performance.now();
    await client.query(APPEND, [
      topics.map((topic) => `notifications:user:${topic}`),
      topics.map(() => 20),
      topics.map(() => 600_000),
      topics.map((topic) => JSON.stringify({ title: 'Your order has been shipped', kind: 'order', number: topic })),
      topics.map((_, index) => (index % 2 === 0 ? null : `${sent + index}`)),
      topics.map((_, index) => (index % 2 === 0 ? null : 'digest')),
    ]);
    const ms = performance.now() - sentAtMs;
    if ((sent + BATCH) % (count / 10) >= BATCH) continue;
    const { rows } = await client.query(SIZES);
    const [bytes, keyBytes, events] = [rows[0].bytes, rows[0].keyBytes, rows[0].events].map(Number);
    samples.push({ share: (sent + BATCH) / count, bytes, keyBytes, ms });
    bench.log(
      `  ${sent + BATCH} events: ${(bytes / 1e6).toFixed(0)} MB with ${events} events in the log, ${(keyBytes / 1e6).toFixed(0)} MB of keys`,
    );
  }
  return samples;
}
