import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DeliveryGate } from '../src/live/topics/delivery-gate.js';
import { MemoryTopicBus } from '../src/live/store/memory/topic.bus.memory.js';
import { needs } from './kit/needs.js';
import { OutboxFixture } from './kit/outbox-fixture.js';
import { SqlPublisher } from './kit/sql-publisher.js';

needs('postgres')('the relay of an outbox', () => {
  let fixture: OutboxFixture;
  let admin: SqlPublisher;
  let messages: string[];
  /** How often the relay has connected. */
  let connections: number;

  beforeEach(async () => {
    messages = [];
    connections = 0;
    fixture = await OutboxFixture.open(1, new MemoryTopicBus(new DeliveryGate(null, pino({ level: 'silent' }))));
    admin = await SqlPublisher.connect(fixture.database.url);
    const write = (line: string): void => void messages.push((JSON.parse(line) as { msg: string }).msg);
    fixture.startRelay({
      logger: pino({}, { write }),
      outbox: (outbox) => {
        connections++;
        return outbox;
      },
    });
    await publish('one');
    await fixture.until(1);
  });
  afterEach(async () => {
    await admin.close();
    await fixture.close();
  });

  const publish = (payload: string): Promise<string> =>
    admin.publish({ topic: 'steps', viewer: fixture.topics[0]!.owner, payload });

  /** Lets the relay connect again, to a database that is now different. */
  const reconnect = (): Promise<unknown> =>
    admin.run(
      'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
    );

  const tries = (count: number): Promise<void> => {
    const wanted = connections + count;
    return vi.waitFor(() => expect(connections).toBeGreaterThanOrEqual(wanted), 30_000);
  };

  it('says once that a database refuses writes, and publishes nothing that it could not settle', async () => {
    const name = new URL(fixture.database.url).pathname.slice(1);
    await admin.run(`alter database "${name}" set default_transaction_read_only = on`);
    await reconnect();
    await publish('two');
    await tries(4);
    expect([fixture.count, messages.filter((message) => message.includes('refuses writes')).length]).toEqual([1, 1]);
    expect(messages.filter((message) => /outbox is back|writes again/.test(message))).toEqual([]);
    await admin.run(`alter database "${name}" reset default_transaction_read_only`);
    await reconnect();
    await fixture.until(2);
    await vi.waitFor(() => expect(messages.at(-1)).toContain('takes writes again'), 10_000);
  });

  it('logs once that it fails for another reason, and that it works again', async () => {
    await admin.run('alter function sallyport.lead_outbox() rename to lead_outbox_away');
    await reconnect();
    await tries(4);
    expect(messages.filter((message) => message.includes('the relay of the outbox failed'))).toHaveLength(1);
    await admin.run('alter function sallyport.lead_outbox_away() rename to lead_outbox');
    await publish('two');
    await fixture.until(2);
    await vi.waitFor(() => expect(messages.at(-1)).toContain('outbox is back'), 10_000);
  });
});
