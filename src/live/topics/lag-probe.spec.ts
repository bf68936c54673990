import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MetricsRegistry } from '../metrics-registry.js';
import { LagProbe } from './lag-probe.js';
import { TopicEvent } from './topic-event.js';
import { TopicMetrics } from './topic.metrics.js';
import { topicOf } from './topic.js';

const TOPIC = topicOf(
  { name: 'notes', field: 'note', historySize: 8, historySeconds: 60, onSubscribe: 'nothing', slowReader: 'close' },
  'customer:shop.example:1',
);

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

it('measures the delay of one live event and of one filled gap a second', () => {
  const publishedAtMs = vi.fn(async () => 0);
  const probe = new LagProbe({ nowMs: 0, publishedAtMs }, new TopicMetrics(new MetricsRegistry()));
  const deliver = (): void => {
    for (let offset = 1; offset <= 50; offset += 1) {
      probe.live(TOPIC, new TopicEvent('epoch', offset, {}));
      probe.filled(TOPIC, new TopicEvent('epoch', offset, {}));
    }
  };
  deliver();
  expect(publishedAtMs).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(1_000);
  deliver();
  expect(publishedAtMs).toHaveBeenCalledTimes(4);
  probe.stop();
});
