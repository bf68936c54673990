import type { DeliveryGate } from '../../topics/delivery-gate.js';
import type { TopicMetrics } from '../../topics/topic.metrics.js';
import type { StoreEngine } from '../store-engine.js';
import { MemoryGuessCounter } from './guess-counter.memory.js';
import { MAX_KEYS } from './idempotency-keys.js';
import { MemoryIntervalLease } from './interval-lease.memory.js';
import { MemoryPresence } from './presence.memory.js';
import { MemoryRateLimiters } from './rate-limiters.memory.js';
import { MemoryRevocationStore } from './revocation.store.memory.js';
import { MemorySessionRevocations } from './session-revocations.memory.js';
import { MemoryTokenReplayStore } from './token-replay.store.memory.js';
import { MemoryTopicBus } from './topic.bus.memory.js';

/** Everything in the memory of this process, which is then the only node. */
export class MemoryEngine implements StoreEngine {
  readonly connection = null;

  /** @param historyBytes what all histories may take together */
  constructor(private readonly historyBytes: number) {}

  topicBus(gate: DeliveryGate, metrics: TopicMetrics): MemoryTopicBus {
    return new MemoryTopicBus(gate, metrics, { historyBytes: this.historyBytes, keys: MAX_KEYS });
  }

  sessionRevocations(): MemorySessionRevocations {
    return new MemorySessionRevocations();
  }

  revocationStore(): MemoryRevocationStore {
    return new MemoryRevocationStore();
  }

  presence(): MemoryPresence {
    return new MemoryPresence();
  }

  intervalLease(): MemoryIntervalLease {
    return new MemoryIntervalLease();
  }

  tokenReplayStore(): MemoryTokenReplayStore {
    return new MemoryTokenReplayStore();
  }

  rateLimiters(): MemoryRateLimiters {
    return new MemoryRateLimiters();
  }

  guessCounter(): MemoryGuessCounter {
    return new MemoryGuessCounter();
  }

  close(): void {}
}
