import { afterAll, beforeAll, describe } from 'vitest';
import { asyncIterableContract } from './topic-bus/async-iterable.contract.js';
import { deliveringContract } from './topic-bus/delivering.contract.js';
import { historyContract } from './topic-bus/history.contract.js';
import { idempotencyKeysContract } from './topic-bus/idempotency-keys.contract.js';
import { resumingContract } from './topic-bus/resuming.contract.js';
import { subscribingContract } from './topic-bus/subscribing.contract.js';
import { type BusHarness, BusUnderTest } from './topic-bus/bus-under-test.js';

/** The contract of `TopicBus`, run against one implementation. */
export function topicBusContract(name: string, open: () => Promise<BusHarness>): void {
  describe(`TopicBus ${name}`, () => {
    let harness: BusHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    const underTest = new BusUnderTest(() => harness);
    deliveringContract(underTest);
    subscribingContract(underTest);
    resumingContract(underTest);
    historyContract(underTest);
    idempotencyKeysContract(underTest);
    asyncIterableContract(underTest);
  });
}
