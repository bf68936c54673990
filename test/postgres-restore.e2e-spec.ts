import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { postgresPrograms } from '../scripts/test-services.mjs';
import { type Topic, type TopicDefinition, topicOf } from '../src/live/topics/topic.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';
import { type PostgresNode, postgresNode } from './kit/postgres-node.js';
import { PostgresServer } from './kit/postgres-server.js';
import { RecordingSink } from './kit/recording-sink.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const definition: TopicDefinition = {
  name: 'notifications',
  field: 'notifications',
  historySize: 100,
  historySeconds: 300,
  onSubscribe: 'nothing',
  slowReader: 'close',
};

const withPrograms = postgresPrograms() ? describe : describe.skip;

/** What identified a database before restored dumps were recognized. */
const OLD_IDENTITY = `create function sallyport.identity(out system text, out timeline text) language plpgsql stable as $$
begin
  system := (pg_control_system()).system_identifier::text;
  timeline := left(pg_walfile_name(pg_current_wal_lsn()), 8);
end $$;`;

withPrograms('a PostgreSQL store whose nodes were all stopped', () => {
  const folder = temporaryFolder('dump');
  const dump = join(folder.path, 'dump');
  const topic: Topic = topicOf(definition, `user:${randomUUID()}`);
  let server: PostgresServer;
  let database: TestDatabase;
  let cursor: string;

  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(async () => {
    await server.remove();
    folder.remove();
  });
  beforeEach(async () => {
    database = await createDatabase(server.url);
    cursor = await onNode(database.url, (node) => publish(node, 1));
  });

  const publish = async ({ bus }: PostgresNode, payload: number): Promise<string> => {
    const [outcome] = await bus.publish([{ topic, payload }]);
    return outcome?.ok ? outcome.cursor : '';
  };
  const resume = async ({ bus }: PostgresNode, from: string) => {
    const sink = new RecordingSink();
    await bus.subscribe(topic, sink, from);
    return { recovered: sink.recovered, payloads: sink.payloads };
  };
  const run = (program: string, ...args: string[]) => execFileSync(join(postgresPrograms() ?? '', program), args);
  const nameOf = (url: string) => new URL(url).pathname.slice(1);

  it.each([
    ['a dump restored with --clean', async () => run('pg_restore', '--clean', '-d', database.url, dump)],
    [
      'a dump restored into a database that was created anew',
      async () => {
        await server.query(`drop database ${nameOf(database.url)}`);
        await server.query(`create database ${nameOf(database.url)}`);
        run('pg_restore', '-d', database.url, dump);
      },
    ],
    [
      'a dump restored into another database',
      async () => {
        database = await createDatabase(server.url);
        run('pg_restore', '-d', database.url, dump);
      },
    ],
    [
      'a copy made with create database … template',
      async () => {
        const name = `${nameOf(database.url)}_copy`;
        await server.query(`create database ${name} template ${nameOf(database.url)}`);
        const url = new URL(database.url);
        url.pathname = name;
        database = { ...database, url: url.href };
      },
    ],
  ])('starts new epochs in %s', async (_, copy) => {
    run('pg_dump', '-Fc', '-d', database.url, '-f', dump);
    const lost = await onNode(database.url, (node) => publish(node, 2));
    await copy();
    const [first, second] = await onNode(database.url, async (node) => {
      await publish(node, 3);
      return [await resume(node, cursor), await resume(node, lost)];
    });
    expect([first, second]).toEqual(Array.from({ length: 2 }, () => ({ recovered: false, payloads: [] })));
  });

  it('continues with its epochs after it was updated from a version that did not recognize restored dumps', async () => {
    await onDatabase(
      database.url,
      `drop function sallyport.identity; ${OLD_IDENTITY}
       update sallyport.generation set system = split_part(system, '/', 1);
       delete from sallyport.migration where name = 'restored copies'`,
    );
    expect(await onNode(database.url, (node) => resume(node, cursor))).toEqual({ recovered: true, payloads: [] });
    expect(await onNode(database.url, (node) => resume(node, cursor))).toEqual({ recovered: true, payloads: [] });
  });
});

async function onNode<T>(url: string, work: (node: PostgresNode) => Promise<T>): Promise<T> {
  const node = await postgresNode(url);
  try {
    return await work(node);
  } finally {
    await node.close();
  }
}

async function onDatabase(url: string, statements: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statements);
  await client.end();
}
