import { type Logger, pino } from 'pino';
import { Registry } from 'prom-client';
import { EventLog } from '../../src/live/store/postgres/event-log.js';
import { openPostgresStore, type PostgresPlace } from '../../src/live/store/postgres/open-postgres.js';
import { PostgresConnection } from '../../src/live/store/postgres/postgres.connection.js';
import { PostgresTopicBus } from '../../src/live/store/postgres/topic.bus.postgres.js';
import { StoreMetrics } from '../../src/live/store/store-health.js';
import { DeliveryGate } from '../../src/live/topics/delivery-gate.js';
import { TopicMetrics } from '../../src/live/topics/topic.metrics.js';
import { createDatabase } from './postgres-database.js';

/** The PostgreSQL parts of a node. */
export interface PostgresNode {
  readonly connection: PostgresConnection;
  readonly log: EventLog;
  readonly gate: DeliveryGate;
  readonly bus: PostgresTopicBus;
  close(): Promise<void>;
}

/** Connects as a node does. */
export async function postgresNode(
  place: string | PostgresPlace,
  logger: Logger = pino({ level: 'silent' }),
): Promise<PostgresNode> {
  const registry = new Registry();
  const link = await openPostgresStore(typeof place === 'string' ? { url: place } : place, logger);
  const health = new StoreMetrics(registry, logger).watch('postgres', 'PostgreSQL', link.address);
  const connection = new PostgresConnection(link, health);
  await connection.open();
  const log = await EventLog.open(connection);
  const gate = new DeliveryGate(log, logger);
  const bus = new PostgresTopicBus(connection, log, gate, new TopicMetrics(registry));
  const close = async (): Promise<void> => {
    bus.beforeApplicationShutdown();
    gate.stop();
    await log.close();
    await connection.close();
  };
  return { connection, log, gate, bus, close };
}

/** Two nodes that share a new database. */
export interface PostgresNodes {
  readonly here: PostgresNode;
  readonly there: PostgresNode;
  readonly url: string;
  /** Closes both nodes and drops the database. */
  remove(): Promise<void>;
}

/** Connects two nodes to a new database. Needs `postgres`. */
export async function twoPostgresNodes(): Promise<PostgresNodes> {
  const database = await createDatabase();
  const [here, there] = await Promise.all([postgresNode(database.url), postgresNode(database.url)]);
  const remove = async (): Promise<void> => {
    await Promise.all([here.close(), there.close()]);
    await database.drop();
  };
  return { here, there, url: database.url, remove };
}
