import cluster, { type Worker } from 'node:cluster';
import type { Logger } from 'pino';
import type { FromPrimary } from './messages.js';
import { RestartPolicy } from './restart-policy.js';

/** Seconds without a sign of life after which a worker counts as hung; before its first sign it is still loading. */
const HUNG_AFTER_SECONDS = 30;
const LOADED_WITHIN_SECONDS = 120;

/** One of the `WORKERS` slots, and the worker in it. */
export class WorkerSlot {
  #worker: Worker | null = null;
  #servingSinceMs: number | null = null;
  #silentSeconds = 0;
  #hasBeaten = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #policy = new RestartPolicy();
  #isHung = false;

  /**
   * @param number from 1, as in log lines
   * @param notStarted called with a worker's id when the system could not start its process
   */
  constructor(
    readonly number: number,
    private readonly logger: Logger,
    private readonly notStarted: (id: number) => void,
  ) {}

  /** The worker's id, unique among all that this primary starts; null for none. */
  get id(): number | null {
    return this.#worker?.id ?? null;
  }

  get pid(): number | undefined {
    return this.#worker?.process.pid;
  }

  get isServing(): boolean {
    return this.#servingSinceMs !== null;
  }

  /** Whether its worker is to be killed, or was, because it hung. */
  get isHung(): boolean {
    return this.#isHung;
  }

  /** Starts a worker here. `worker <number>` in the list of processes is this slot. */
  start(): void {
    cluster.setupPrimary({ args: ['worker', String(this.number)] });
    this.#isHung = this.#hasBeaten = false;
    this.#silentSeconds = 0;
    const worker = cluster.fork();
    this.#worker = worker;
    this.logger.info({ worker: this.number, pid: worker.process.pid }, 'a worker starts');
    worker.on('error', () => {
      // Without a process there is no `exit`; a channel that breaks is followed by one.
      if (worker.process.pid === undefined) this.notStarted(worker.id);
    });
  }

  /** Starts the next worker after `waitMs`, unless {@link cancel} comes first. */
  startLater(waitMs: number): void {
    this.#timer = setTimeout(() => this.start(), waitMs);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }

  /** @param sent called when the message was sent or could not be; never if the worker is not connected */
  send(message: FromPrimary, sent: () => void = () => {}): void {
    // An error means that the worker is ending, which `exit` tells.
    if (this.#worker?.isConnected()) this.#worker.send(message, sent);
  }

  kill(signal: NodeJS.Signals): void {
    this.#worker?.process.kill(signal);
  }

  beat(): void {
    this.#hasBeaten = true;
    this.#silentSeconds = 0;
  }

  serving(): void {
    this.#servingSinceMs = performance.now();
  }

  /**
   * Called every second while the primary runs. Seconds are counted and no clock is read, so that a primary that was
   * paused does not take its workers for hung.
   *
   * @returns whether the worker has just become hung
   */
  tick(): boolean {
    if (this.#worker === null || this.#isHung) return false;
    const limit = this.#hasBeaten ? HUNG_AFTER_SECONDS : LOADED_WITHIN_SECONDS;
    this.#isHung = ++this.#silentSeconds > limit;
    return this.#isHung;
  }

  /** Called when its worker has ended. Returns how long to wait for the next, in ms; null for a crash loop. */
  ended(): number | null {
    const nowMs = performance.now();
    const servedMs = this.#servingSinceMs === null ? 0 : nowMs - this.#servingSinceMs;
    this.#worker = null;
    this.#servingSinceMs = null;
    return this.#policy.ended(servedMs, nowMs);
  }
}
