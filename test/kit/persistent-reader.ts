import { setTimeout as delay } from 'node:timers/promises';
import { type LiveSocket, type NextPayload, openSocket } from '../../src/testing/live-socket.js';

const QUERY = 'subscription { notifications { title kind } }';

/** What a reader got: a numbered event, or the word that some may be missing. */
export type Read = { readonly number: number; readonly owner: string } | 'may have missed some';

/**
 * A resumable client that never gives up: it keeps the cursor, moves on to the next server when a socket ends,
 * and writes down everything it gets and every time it is told that it could not be given all.
 */
export class PersistentReader {
  readonly read: Read[] = [];
  /** Close codes and refusals, in order. */
  readonly closes: number[] = [];
  #cursor: string | undefined;
  #socket: LiveSocket | null = null;
  #attempt = 0;
  #isOver = false;
  #mayGoOn: Promise<void> = Promise.resolve();
  readonly #run: Promise<void>;

  constructor(
    private readonly urls: readonly string[],
    private readonly token: () => Promise<string>,
    first = 0,
  ) {
    this.#attempt = first;
    this.#run = this.#go();
  }

  /** The numbers that it got, in order. */
  get numbers(): readonly number[] {
    return this.read.flatMap((entry) => (entry === 'may have missed some' ? [] : [entry.number]));
  }

  /** Whether its socket stands right now. */
  get isLive(): boolean {
    return this.#socket !== null;
  }

  /** Cuts the line without a word; it comes back when `until` has settled. */
  cut(until: Promise<void> = Promise.resolve()): void {
    this.#mayGoOn = until;
    this.#socket?.ws.terminate();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#socket?.ws.terminate();
    await this.#run;
  }

  async #go(): Promise<void> {
    while (!this.#isOver) {
      const url = this.urls[this.#attempt++ % this.urls.length] ?? '';
      try {
        await this.#live(url);
      } catch {
        // Refused, or cut while it was being opened.
      }
      this.#socket = null;
      await this.#mayGoOn;
      await delay(50);
    }
  }

  async #live(url: string): Promise<void> {
    const socket = await openSocket(url, { token: await this.token(), resumable: true });
    const resume = this.#cursor === undefined ? {} : { extensions: { resume: this.#cursor } };
    socket.subscribe('1', QUERY, resume);
    this.#socket = socket;
    void socket.waitForClose().then(({ code }) => this.closes.push(code));
    for (;;) this.#note(await this.#next(socket));
  }

  /** Quiet times are part of the tests, so this waits without a limit. */
  async #next(socket: LiveSocket): Promise<NextPayload> {
    for (;;) {
      try {
        return await socket.waitForNext('1');
      } catch (error) {
        if (!(error instanceof Error) || !error.message.includes('did not come in time')) throw error;
      }
    }
  }

  #note({ data, extensions }: NextPayload): void {
    if (extensions?.['recovered'] === false) this.read.push('may have missed some');
    const { title, kind } = (data?.['notifications'] ?? {}) as { title: string; kind: string };
    this.#cursor = extensions?.['cursor'] as string;
    this.read.push({ number: Number(title), owner: kind });
  }
}
