import { describe, expect, it } from 'vitest';
import { RecordingSink } from '../../kit/recording-sink.js';
import { type BusUnderTest, fromHistory, newTopic } from './bus-under-test.js';

/** What an idempotency key guarantees to publishers. */
export function idempotencyKeysContract({ publish, subscribe, harness }: BusUnderTest): void {
  describe('idempotency keys', () => {
    it('return the first cursor and deliver nothing again', async () => {
      const topic = newTopic();
      const { sink } = await subscribe(topic);
      const publication = { topic, payload: { n: 1 }, key: 'order 42' };
      const [first] = await harness().bus.publish([publication]);
      const [second] = await harness().elsewhere.publish([publication]);
      await publish(topic, 'end');
      await sink.until('end');
      expect(first).toMatchObject({ ok: true, duplicate: false });
      expect(second).toEqual({ ...first, duplicate: true });
      expect(sink.payloads).toEqual([{ n: 1 }, 'end']);
    });

    it('apply within one batch', async () => {
      const topic = newTopic();
      const outcomes = await harness().bus.publish([1, 1, 2].map((payload) => ({ topic, payload, key: 'k' })));
      expect(outcomes).toMatchObject([
        { ok: true, duplicate: false },
        { ok: true, duplicate: true },
        { ok: false, reason: 'key-reused' },
      ]);
    });

    it('accept the same payload with its fields in another order', async () => {
      const topic = newTopic();
      const [one, other] = [
        { a: 1, b: [{ c: 2, d: 3 }] },
        { b: [{ d: 3, c: 2 }], a: 1 },
      ];
      const [first] = await harness().bus.publish([{ topic, payload: one, key: 'k' }]);
      const [second] = await harness().elsewhere.publish([{ topic, payload: other, key: 'k' }]);
      expect(second).toEqual({ ...first, duplicate: true });
      const [refused] = await harness().bus.publish([{ topic, payload: { ...one, b: [{ d: 2, c: 3 }] }, key: 'k' }]);
      expect(refused).toEqual({ ok: false, reason: 'key-reused' });
    });

    it('refuse another payload and do not deliver it', async () => {
      const topic = newTopic();
      const { sink } = await subscribe(topic);
      await harness().bus.publish([{ topic, payload: 1, key: 'k' }]);
      const [refused] = await harness().bus.publish([{ topic, payload: 2, key: 'k' }]);
      await publish(topic, 'end');
      await sink.until('end');
      expect(refused).toEqual({ ok: false, reason: 'key-reused' });
      expect(sink.payloads).toEqual([1, 'end']);
    });

    it('compare what was submitted, if the payload was completed from it', async () => {
      const topic = newTopic();
      const submitted = { title: 'Hello' };
      const [first] = await harness().bus.publish([{ topic, payload: { ...submitted, id: 1 }, submitted, key: 'k' }]);
      const [second] = await harness().bus.publish([{ topic, payload: { ...submitted, id: 2 }, submitted, key: 'k' }]);
      expect(second).toEqual({ ...first, duplicate: true });
    });

    it('publish an event again that the store has lost', async () => {
      const topic = newTopic(fromHistory);
      const publication = { topic, payload: 1, key: 'k' };
      const [first] = await harness().bus.publish([publication]);
      const bus = await harness().forget(topic);
      const [again] = await bus.publish([publication]);
      expect([first, again]).toMatchObject([
        { ok: true, duplicate: false },
        { ok: true, duplicate: false },
      ]);
      expect(await bus.publish([publication])).toEqual([{ ...again, duplicate: true }]);
      const sink = new RecordingSink();
      await bus.subscribe(topic, sink);
      await sink.until(1);
      expect(sink.payloads).toEqual([1]);
    });

    it('belong to one publisher', async () => {
      const topic = newTopic();
      const { sink } = await subscribe(topic);
      const publishers = ['key:a', 'key:b', undefined];
      const outcomes = await harness().bus.publish(
        publishers.map((publisher, payload) => ({ topic, payload, key: 'k', ...(publisher ? { publisher } : {}) })),
      );
      expect(outcomes).toMatchObject(publishers.map(() => ({ ok: true, duplicate: false })));
      await sink.until(2);
      expect(sink.payloads).toEqual([0, 1, 2]);
    });

    it('belong to one topic', async () => {
      const [a, b] = [newTopic(), newTopic()];
      const outcomes = await harness().bus.publish([a, b].map((topic) => ({ topic, payload: 1, key: 'k' })));
      expect(outcomes).toMatchObject([{ duplicate: false }, { duplicate: false }]);
    });
  });
}
