import { Registry } from 'prom-client';
import { FeedRegistry } from '../../src/live/feeds/feed.registry.js';
import { OperationMetrics } from '../../src/live/gateway/execution/operation.metrics.js';
import { SubscriptionMetrics } from '../../src/live/gateway/execution/subscription.metrics.js';

/** Returns subscription metrics that are not exported. */
export function subscriptionMetrics(): SubscriptionMetrics {
  const registry = new Registry();
  return new SubscriptionMetrics(registry, new FeedRegistry(), new OperationMetrics(registry));
}
