import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { developmentKeyFile } from '../../src/identity/api-keys/development-key.js';

/** Whom a publisher publishes to, and how. */
export interface PublisherOptions {
  readonly urls: readonly string[];
  readonly viewers: readonly string[];
  readonly dataDir: string;
  /** Whether a number that was not taken is sent again under its key, as publishers should, or passed over. */
  readonly mode: 'until it is taken' | 'once';
}

const PAUSE_MS = 10;

/** Another backend: publishes 1, 2, 3 … to every viewer, through one node after the other, all the time. */
export class NumberedPublisher {
  /** The last number that was taken. */
  taken = 0;
  readonly #run: { isOver: boolean; done: Promise<void> } = { isOver: false, done: Promise.resolve() };
  /** Keys are remembered for five minutes, and numbers begin anew with each publisher. */
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

  /** Goes on after {@link stop}. */
  async resume(): Promise<void> {
    this.#run.isOver = false;
    this.#run.done = this.#go();
  }

  /** Ends after the number under way. */
  async stop(): Promise<void> {
    this.#run.isOver = true;
    await this.#run.done;
  }

  /** One request with one event for each viewer. */
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

  async #go(): Promise<void> {
    for (let turn = 0; !this.#run.isOver; turn++) {
      if (this.taken === this.#number || this.options.mode === 'once') this.#number++;
      const url = this.options.urls[turn % this.options.urls.length] ?? '';
      const isTaken = await this.post(url, this.options.viewers, String(this.#number)).then(
        async (response) => response.ok && !(await response.text()).includes('error'),
        () => false,
      );
      if (isTaken) this.taken = this.#number;
      await delay(PAUSE_MS);
    }
  }
}
