import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type TopicStorage, SharedTopicBus } from '../../src/live/store/topic.bus.shared.js';
import { formatCursor, type Position } from '../../src/live/topics/cursor.js';
import { DeliveryGate, type NodeLink } from '../../src/live/topics/delivery-gate.js';
import { TopicEvent } from '../../src/live/topics/topic-event.js';
import { TopicMetrics } from '../../src/live/topics/topic.metrics.js';
import type { ReadOptions, TopicPlace, TopicReading } from '../../src/live/topics/topic-reading.js';
import type { TopicSink, TopicSubscription } from '../../src/live/topics/topic.bus.js';
import { topicOf } from '../../src/live/topics/topic.js';
import { Random } from '../kit/random.js';

const RUNS = 200;
const STEPS = 250;
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
/** The most reads of the topic once nothing is lost any more. */
const LAST_READS = 30;
const TIMER_MS = 1_000;

type LinkHooks = Parameters<NodeLink['listen']>[0];

/** A topic in a store whose answers and messages arrive late, or never. */
class UnreliableStore implements TopicStorage<TopicReading> {
  readonly nowMs = 0;
  reads = 0;
  isListening = false;
  isLost = false;
  #epochs = 0;
  #position: Position = { epoch: 'epoch-0000', offset: 0 };
  #messages: TopicEvent[] = [];
  #answers: (() => void)[] = [];

  constructor(
    private readonly random: Random,
    private readonly size: number,
  ) {}

  get position(): Position {
    return this.#position;
  }

  publish(): void {
    const { epoch, offset } = this.#position;
    this.#position = { epoch, offset: offset + 1 };
    const isSent = this.isListening && !this.isLost && this.random.chance(0.97);
    if (isSent) this.#messages.push(new TopicEvent(epoch, offset + 1, offset + 1));
  }

  /** As after it was emptied: messages of before may still arrive. */
  startEpoch(): void {
    this.#position = { epoch: `epoch-${String(++this.#epochs).padStart(4, '0')}`, offset: 0 };
  }

  lose(): void {
    this.isLost = true;
    this.#messages = [];
  }

  takeMessages(most: number): TopicEvent[] {
    return this.#messages.splice(0, most);
  }

  /** Answers each waiting call with this probability. */
  answer(probability: number): void {
    for (const answer of this.#answers.splice(0))
      if (this.random.chance(probability)) answer();
      else this.#answers.push(answer);
  }

  /** The answer is what the store has either at the time of the call, or later. */
  later<T>(make: () => T): Promise<T> {
    const [isEarly, early] = [this.random.chance(0.5), make()];
    return new Promise((resolve, reject) => {
      this.#answers.push(() =>
        this.isLost && this.random.chance(0.5) ? reject(new Error('away')) : resolve(isEarly ? early : make()),
      );
    });
  }

  read(_: unknown, options: ReadOptions): Promise<TopicReading> {
    this.reads++;
    return this.later(() => this.#reading(options));
  }

  differing<T extends TopicPlace>(places: readonly T[]): Promise<readonly T[]> {
    const isOther = ({ position: { epoch, offset } }: T): boolean =>
      epoch !== this.#position.epoch || offset !== this.#position.offset;
    return this.later(() => places.filter(isOther));
  }

  publishedAtMs = async (): Promise<null> => null;
  history = (): never => this.#unused();
  forget = (): never => this.#unused();

  #reading({ since, otherwise }: ReadOptions): TopicReading {
    const { epoch, offset } = this.#position;
    const missed = since?.epoch === epoch ? offset - since.offset : -1;
    const recovered = since === undefined ? undefined : missed >= 0 && missed <= this.size;
    const first = since === undefined && otherwise === 'history' ? Math.min(this.size, offset) : 0;
    const count = recovered ? missed : first;
    const events = Array.from({ length: count }, (_, index) => offset - count + 1 + index);
    return { position: { epoch, offset }, recovered, events: events.map((at) => new TopicEvent(epoch, at, at)) };
  }

  #unused(): never {
    throw new Error('not used here');
  }
}

class BusUnderTest extends SharedTopicBus<TopicReading> {
  constructor(
    private readonly store: UnreliableStore,
    gate: DeliveryGate,
  ) {
    super(store, gate, new TopicMetrics(new Registry()));
  }

  publish = (): never => {
    throw new Error('not used here');
  };

  receive(event: TopicEvent): void {
    const live = this.find(topic.name);
    if (live?.accepts()) live.receive(event);
  }

  protected override async listen(): Promise<void> {
    await this.store.later(() => (this.store.isListening = true));
  }

  protected override ignore(): void {
    this.store.isListening = false;
  }

  protected override async caughtUpWith(): Promise<void> {
    await this.store.later(() => true);
  }
}

/** Notices events that are out of order, doubled or missing, or come after the end. */
class StrictSink implements TopicSink {
  subscription: TopicSubscription | null = null;
  isOver = false;
  at: Position | null = null;
  fault: string | null = null;
  #hasEvents = false;

  confirmed(_: boolean | undefined, position: Position): void {
    this.at = position;
  }

  event({ epoch, offset }: TopicEvent): void {
    const next = this.at!.offset + 1;
    // The position is after the first events, so they may come before it.
    const follows = this.#hasEvents ? epoch === this.at!.epoch && offset === next : offset <= next;
    if (this.isOver || !follows) this.fault ??= `${epoch} ${offset} after ${JSON.stringify(this.at)}`;
    [this.at, this.#hasEvents] = [{ epoch, offset }, true];
  }

  ended(): void {
    this.isOver = true;
  }
}

const topic = topicOf(
  {
    name: 'numbers',
    field: 'number',
    historySize: 1,
    historySeconds: 60,
    onSubscribe: 'history',
    slowReader: 'close',
  },
  'user:6f1c0000-0000-4000-8000-000000000001',
);

/** One node with the topic, while messages, answers and the connection are lost at random. */
class Node {
  readonly store: UnreliableStore;
  readonly #sinks: StrictSink[] = [];
  readonly #bus: BusUnderTest;
  readonly #gate: DeliveryGate;
  #link: LinkHooks = { lost: () => {}, restored: () => {} };

  constructor(private readonly random: Random) {
    this.store = new UnreliableStore(random, random.pick([1, 3, 10, 300, 1_500]));
    const listen = (hooks: LinkHooks) => {
      this.#link = hooks;
      return () => {};
    };
    this.#gate = new DeliveryGate({ listen }, pino({ level: 'silent' }));
    this.#bus = new BusUnderTest(this.store, this.#gate);
  }

  async step(): Promise<void> {
    const { random, store } = this;
    const roll = random.next();
    if (roll < 0.35) for (let left = random.pick([1, 1, 1, 1, 1, 2, 3, 300]); left > 0; left--) store.publish();
    else if (roll < 0.6) this.#receive(random.below(400));
    else if (roll < 0.75) store.answer(0.7);
    else if (roll < 0.83) this.#subscribe();
    else if (roll < 0.86) this.#end();
    else if (roll < 0.9) this.#switchLink();
    else if (roll < 0.91) store.startEpoch();
    else vi.advanceTimersByTime(TIMER_MS);
    if (random.chance(0.7)) await settled();
  }

  /** Nothing is lost any more. Returns the subscriptions. */
  async finish(): Promise<readonly StrictSink[]> {
    if (this.store.isLost) this.#switchLink();
    this.store.reads = 0;
    for (let round = 0; round < 100; round++) {
      this.store.answer(1);
      this.#receive(Infinity);
      vi.advanceTimersByTime(TIMER_MS);
      await settled();
    }
    this.#bus.beforeApplicationShutdown();
    this.#gate.stop();
    return this.#sinks;
  }

  #receive(most: number): void {
    for (const event of this.store.takeMessages(most)) this.#bus.receive(event);
  }

  #subscribe(): void {
    const sink = new StrictSink();
    this.#sinks.push(sink);
    const { epoch, offset } = this.store.position;
    const behind = formatCursor({ epoch, offset: Math.max(0, offset - this.random.below(8)) });
    this.#bus.subscribe(topic, sink, this.random.chance(0.5) ? behind : undefined).then(
      (subscription) => (sink.subscription = subscription),
      () => sink.ended(),
    );
  }

  #end(): void {
    const sink = this.#sinks.find(({ subscription, isOver }) => subscription && !isOver);
    sink?.subscription?.end();
    sink?.ended();
  }

  #switchLink(): void {
    if (this.store.isLost) {
      this.store.isLost = false;
      this.#link.restored();
    } else {
      this.store.lose();
      this.#link.lost();
    }
  }
}

/** Resolves when nothing that has happened so far has further effects without another event. */
async function settled(): Promise<void> {
  for (let left = 20; left > 0; left--) await Promise.resolve();
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

it(`a topic neither loses nor doubles events, stalls, or reads without end, whatever is lost (FUZZ_SEED=${SEED})`, async () => {
  for (let run = 0; run < RUNS; run++) {
    const node = new Node(new Random(SEED + run * 7919));
    for (let step = 0; step < STEPS; step++) await node.step();
    const sinks = await node.finish();
    expect(sinks.flatMap(({ fault }) => fault ?? [])).toEqual([]);
    const live = sinks.filter(({ isOver }) => !isOver);
    expect(live.map(({ at }) => at)).toEqual(live.map(() => node.store.position));
    expect(node.store.reads).toBeLessThan(LAST_READS);
  }
});
