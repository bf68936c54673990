import type { LiveTopic } from './live-topic.js';
import type { TopicPlace, TopicPositions } from './topic-reading.js';

/** Every idle topic is compared with the store once in this many rounds of one second. */
const ROUNDS = 15;
const ROUND_MS = 1_000;
const COMPARE_BATCH = 250;

/**
 * Detects losses that no later event would reveal: that a topic's last message was dropped, or that the store was
 * emptied or restored. One timer for all topics; topics with events are skipped, since their offsets reveal losses.
 */
export class GapDetector {
  readonly #timer = setInterval(() => void this.#round(), ROUND_MS).unref();
  #walk: Iterator<LiveTopic> | null = null;
  #isBusy = false;
  #owesAll = false;

  constructor(
    private readonly store: Pick<TopicPositions, 'differing'>,
    private readonly topics: () => IterableIterator<LiveTopic>,
    private readonly countTopics: () => number,
  ) {}

  /** Compares every topic, and retries until the store answers. Called after a reconnect. */
  async compareAll(): Promise<void> {
    this.#owesAll = true;
    await this.#round();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #round(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      if (this.#owesAll) {
        this.#owesAll = false;
        await this.#compare([...this.topics()]);
      } else await this.#compare(this.#nextQuiet());
    } catch {
      // The store is unavailable. The topics of this round are compared when it is back.
      this.#owesAll = true;
    } finally {
      this.#isBusy = false;
    }
  }

  /** The topics of the next fifteenth that had no event since their last comparison. */
  #nextQuiet(): LiveTopic[] {
    const quiet: LiveTopic[] = [];
    this.#walk ??= this.topics();
    for (let left = Math.ceil(this.countTopics() / ROUNDS); left > 0; left--) {
      const next = this.#walk.next();
      if (next.done) {
        this.#walk = null;
        break;
      }
      if (next.value.isQuiet) quiet.push(next.value);
      next.value.isQuiet = true;
    }
    return quiet;
  }

  async #compare(topics: readonly LiveTopic[]): Promise<void> {
    // Their first subscriber is joining right now, perhaps with a history that is too old.
    for (const live of topics) if (!live.position) void live.catchUp();
    for (let at = 0; at < topics.length; at += COMPARE_BATCH) {
      const places = topics.slice(at, at + COMPARE_BATCH).flatMap(toPlace);
      const differing = places.length > 0 ? await this.store.differing(places) : [];
      await Promise.all(differing.map(({ live }) => live.catchUp()));
    }
  }
}

function toPlace(live: LiveTopic): (TopicPlace & { live: LiveTopic })[] {
  return live.position ? [{ live, topic: live.topic, position: live.position }] : [];
}
