import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { developmentKeyFile } from '../../src/identity/api-keys/development-key.js';

/** Options of a {@link NumberedPublisher}. */
export interface PublisherOptions {
  readonly urls: readonly string[];
  readonly viewers: readonly string[];
  readonly dataDir: string;
  /** Whether to retry a refused number with its idempotency key, as publishers should, or to skip it. */
  readonly mode: 'until it is taken' | 'once';
}

const PAUSE_MS = 10;

/** A backend that continuously publishes 1, 2, 3 … to every viewer, through each node in turn. */
export class NumberedPublisher {
  /** The last number that a node accepted. */
  accepted = 0;
  readonly #loop: { isOver: boolean; done: Promise<void> } = { isOver: false, done: Promise.resolve() };
  /** Part of every idempotency key: keys are remembered for five minutes, and each publisher starts again at 1. */
  readonly #id = randomUUID();
  readonly #key: string;
  #number = 0;

  private constructor(private readonly options: PublisherOptions) {
    this.#key = readFileSync(developmentKeyFile(options.dataDir), 'utf8');
  }

  static async start(options: PublisherOptions): Promise<NumberedPublisher> {
    const publisher = new NumberedPublisher(options);
    await publisher.resume();
    return publisher;
  }

  /** Continues after {@link stop}. */
  async resume(): Promise<void> {
    this.#loop.isOver = false;
    this.#loop.done = this.#run();
  }

  /** Stops after the current number. */
  async stop(): Promise<void> {
    this.#loop.isOver = true;
    await this.#loop.done;
  }

  /** Sends one request with an event for each viewer. */
  post(url: string, viewers: readonly string[], title: string): Promise<Response> {
    const events = viewers.map((viewer) => ({
      topic: 'notifications',
      viewer,
      payload: { title, kind: viewer },
      ...(this.options.mode === 'once' ? {} : { key: `${this.#id} ${title}` }),
    }));
    return fetch(`${url}/publish`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#key}` },
      body: JSON.stringify({ events }),
      signal: AbortSignal.timeout(5_000),
    });
  }

  async #run(): Promise<void> {
    for (let turn = 0; !this.#loop.isOver; turn++) {
      if (this.accepted === this.#number || this.options.mode === 'once') this.#number++;
      const url = this.options.urls[turn % this.options.urls.length] ?? '';
      const isAccepted = await this.post(url, this.options.viewers, String(this.#number)).then(
        async (response) => response.ok && !(await response.text()).includes('error'),
        () => false,
      );
      if (isAccepted) this.accepted = this.#number;
      await delay(PAUSE_MS);
    }
  }
}
