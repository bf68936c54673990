import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/node-postgres';
import { sql as drizzleSql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NotificationsFeed } from '../src/feeds/notifications/notifications.feed.js';
import { TopicBus } from '../src/live/topics/topic.bus.js';
import { topicOf } from '../src/live/topics/topic.js';
import { needs } from './kit/needs.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';
import { RecordingSink } from './kit/recording-sink.js';
import { startServer, type TestServer } from './kit/server.js';
import { SqlPublisher } from './kit/sql-publisher.js';

const PAGE = readFileSync(fileURLToPath(new URL('../docs/publishing.md', import.meta.url)), 'utf8');

/** The page's SQL with a unique role name: roles belong to the whole server. */
const role = `shop_${randomUUID().slice(0, 8)}`;
const blocks = [...PAGE.matchAll(/```sql\n([\s\S]*?)```/g)].map((match) =>
  (match[1] ?? '').replaceAll('shop_backend', role),
);

needs('postgres')('docs/publishing.md', () => {
  let database: TestDatabase;
  let server: TestServer;
  let sql: SqlPublisher;
  const sink = new RecordingSink();

  beforeAll(async () => {
    database = await createDatabase();
    server = await startServer({ env: { DATABASE_URL: database.url, STORE: 'postgres' } });
    sql = await SqlPublisher.connect(database.url);
    await server.app.get(TopicBus).subscribe(topicOf(NotificationsFeed.topic, 'external:shop:42'), sink);
  });
  afterAll(async () => {
    await sql?.run(`drop owned by ${role}; drop role ${role}`);
    await sql?.close();
    await server?.stop();
    await database?.drop();
  });

  const nextTitle = async (): Promise<unknown> => {
    const event = await sink.inbox.take((recorded) => recorded.kind === 'event');
    return event.kind === 'event' ? (event.payload as { title: string }).title : null;
  };

  it('has SQL that works as it stands, in its order', async () => {
    expect(blocks).toHaveLength(4);
    for (const block of blocks) await sql.run(block);
    expect([await nextTitle(), await nextTitle(), await nextTitle()]).toEqual([
      'On its way',
      'Your invoice',
      'Order 1001: delivered',
    ]);
    expect(await sql.rejected()).toEqual([]);
  });

  it('has a call for Drizzle that works', async () => {
    const call = /sql`(select sallyport\.publish\([\s\S]*?)`,\n/.exec(PAGE)?.[1];
    expect(call).toBe(
      "select sallyport.publish('notifications', ${viewer}, ${payload}::jsonb, key => ${`order ${id} shipped`})",
    );
    const [viewer, id] = ['external:shop:42', 1001];
    const payload = JSON.stringify({ kind: 'order.shipped', title: 'By Drizzle' });
    await drizzle(sql.client).transaction(async (tx) => {
      await tx.execute(
        drizzleSql`select sallyport.publish('notifications', ${viewer}, ${payload}::jsonb, key => ${`order ${id} drizzle`})`,
      );
    });
    expect(await nextTitle()).toBe('By Drizzle');
  });
});
