import type { Logger } from 'pino';
import type { IntervalLease } from '../leases/interval-lease.js';
import type { Presence } from '../presence/presence.js';
import type { GuessCounter } from '../rate-limit/guess-counter.js';
import type { RateLimiters } from '../rate-limit/rate-limiters.js';
import type { RevocationStore } from '../sessions/revocation.store.js';
import type { SessionRevocations } from '../sessions/session-revocations.js';
import type { TokenReplayStore } from '../tokens/token-replay.store.js';
import type { DeliveryGate, NodeLink } from '../topics/delivery-gate.js';
import type { TopicBus } from '../topics/topic.bus.js';
import type { TopicMetrics } from '../topics/topic.metrics.js';
import type { SharedStoreLink } from './store-health.js';

/** The connection between nodes, which only engines with a shared store have. */
export interface NodeConnection extends NodeLink, SharedStoreLink {
  /** The store's clock, in ms since the epoch, as it was last told. */
  readonly nowMs: number;
}

/** An implementation of every port in one store. Each method is called once. */
export interface StoreEngine {
  /** The connection between nodes; null in memory, where this process is the only node. */
  readonly connection: NodeConnection | null;
  topicBus(gate: DeliveryGate, metrics: TopicMetrics): TopicBus;
  sessionRevocations(logger: Logger): SessionRevocations;
  revocationStore(): RevocationStore;
  presence(): Presence;
  intervalLease(): IntervalLease;
  tokenReplayStore(): TokenReplayStore;
  rateLimiters(): RateLimiters;
  guessCounter(): GuessCounter;
  /** Called last at shutdown, when nothing uses the store any more. */
  close(): void | Promise<void>;
}

/** Injection token of the {@link StoreEngine} in use. */
export const STORE_ENGINE = Symbol('STORE_ENGINE');
