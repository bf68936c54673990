import { type Logger, pino } from 'pino';
import { Registry } from 'prom-client';
import { openRedis } from '../../src/live/store/redis/open-redis.js';
import { StoreMetrics } from '../../src/live/store/store-health.js';
import { RedisConnection } from '../../src/live/store/redis/redis.connection.js';
import { RedisSubscriber } from '../../src/live/store/redis/redis.subscriber.js';
import { DeliveryGate } from '../../src/live/topics/delivery-gate.js';
import { TopicMetrics } from '../../src/live/topics/topic.metrics.js';
import { RedisTopicBus } from '../../src/live/store/redis/topic.bus.redis.js';

/** The Redis parts of a node. */
export interface RedisNode {
  readonly connection: RedisConnection;
  readonly subscriber: RedisSubscriber;
  readonly gate: DeliveryGate;
  readonly bus: RedisTopicBus;
  /** The number of gaps filled from history so far, that is, of events that were not received live. */
  gapsFilled(): Promise<number>;
  /** The number of measured delays from publish to delivery. */
  lagsMeasured(path: 'live' | 'filled'): Promise<number>;
  close(): void;
}

/** Connects as a node does. */
export async function redisNode(url: string, logger: Logger = pino({ level: 'silent' })): Promise<RedisNode> {
  const registry = new Registry();
  const link = await openRedis(url, logger);
  const connection = new RedisConnection(
    link,
    new StoreMetrics(registry, logger).watch('redis', 'Redis', link.address),
  );
  await connection.open();
  const subscriber = await RedisSubscriber.open(link);
  const gate = new DeliveryGate(subscriber, logger);
  const bus = new RedisTopicBus(connection, subscriber, gate, new TopicMetrics(registry));
  const close = (): void => {
    bus.beforeApplicationShutdown();
    gate.stop();
    subscriber.close();
    connection.close();
  };
  const gapsFilled = async (): Promise<number> => {
    const gaps = await registry.getSingleMetric('sallyport_topic_gaps_total')?.get();
    return gaps?.values.find(({ labels }) => labels['outcome'] === 'filled')?.value ?? 0;
  };
  const lagsMeasured = async (path: 'live' | 'filled'): Promise<number> => {
    const lag = await registry.getSingleMetric('sallyport_delivery_lag_seconds')?.get();
    const values: { metricName?: string; labels: Record<string, unknown>; value: number }[] = lag?.values ?? [];
    return values.find((one) => one.metricName?.endsWith('_count') && one.labels['path'] === path)?.value ?? 0;
  };
  return { connection, subscriber, gate, bus, gapsFilled, lagsMeasured, close };
}
