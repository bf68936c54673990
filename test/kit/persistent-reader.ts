import { setTimeout as delay } from 'node:timers/promises';
import { type LiveSocket, type NextPayload, openSocket } from '../../src/testing/live-socket.js';

const QUERY = 'subscription { notifications { title kind } }';

/** One result: a numbered event, or the notice that some may be missing. */
export type Read = { readonly number: number; readonly owner: string } | 'may have missed some';

/**
 * A resumable client that never gives up: it keeps its cursor, reconnects to the next server when a socket ends, and
 * records every event and every notice of a gap.
 */
export class PersistentReader {
  readonly read: Read[] = [];
  /** Close codes and refusals, in order. */
  readonly closes: number[] = [];
  #cursor: string | undefined;
  #socket: LiveSocket | null = null;
  #attempt = 0;
  #isOver = false;
  #mayReconnect: Promise<void> = Promise.resolve();
  readonly #done: Promise<void>;

  constructor(
    private readonly urls: readonly string[],
    private readonly token: () => Promise<string>,
    first = 0,
  ) {
    this.#attempt = first;
    this.#done = this.#run();
  }

  /** The received numbers, in order. */
  get numbers(): readonly number[] {
    return this.read.flatMap((entry) => (entry === 'may have missed some' ? [] : [entry.number]));
  }

  /** Whether its socket is open now. */
  get isLive(): boolean {
    return this.#socket !== null;
  }

  /** Cuts the connection without a Close frame; reconnects when `until` has settled. */
  cut(until: Promise<void> = Promise.resolve()): void {
    this.#mayReconnect = until;
    this.#socket?.ws.terminate();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#socket?.ws.terminate();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const url = this.urls[this.#attempt++ % this.urls.length] ?? '';
      try {
        await this.#readFrom(url);
      } catch {
        // The connection was refused, or cut while opening.
      }
      this.#socket = null;
      await this.#mayReconnect;
      await delay(50);
    }
  }

  async #readFrom(url: string): Promise<void> {
    const socket = await openSocket(url, { token: await this.token(), resumable: true });
    const resume = this.#cursor === undefined ? {} : { extensions: { resume: this.#cursor } };
    socket.subscribe('1', QUERY, resume);
    this.#socket = socket;
    void socket.waitForClose().then(({ code }) => this.closes.push(code));
    for (;;) this.#record(await this.#next(socket));
  }

  /** Waits without a limit: tests have phases without events. */
  async #next(socket: LiveSocket): Promise<NextPayload> {
    for (;;) {
      try {
        return await socket.waitForNext('1');
      } catch (error) {
        if (!(error instanceof Error) || !error.message.includes('did not come in time')) throw error;
      }
    }
  }

  #record({ data, extensions }: NextPayload): void {
    if (extensions?.['recovered'] === false) this.read.push('may have missed some');
    const { title, kind } = (data?.['notifications'] ?? {}) as { title: string; kind: string };
    this.#cursor = extensions?.['cursor'] as string;
    this.read.push({ number: Number(title), owner: kind });
  }
}
