import cluster, { type Worker } from 'node:cluster';
import { fileURLToPath } from 'node:url';
import inspector from 'node:inspector';
import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import { MetricsServer } from '../metrics/metrics-server.js';
import { ConnectionTotals } from './connection-totals.js';
import type { ConnectionCount, FromWorker } from './messages.js';
import { freeToShare } from './shared-port.js';
import { WorkerSlot } from './worker-slot.js';
import { WorkersMetrics } from './workers-metrics.js';

const MAIN = fileURLToPath(new URL('../../main.js', import.meta.url));
/** The signals that end a process by default; each drains all workers. */
const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];
/**
 * A worker drains within 10 s and finishes its requests within 10 more; supervisors are told to wait for 30 s. What is
 * left after this is killed, in ms.
 */
const STOP_WITHIN_MS = 28_000;
/** A second signal within this time is the same one, which npm and the terminal both send, in ms. */
const SAME_SIGNAL_MS = 1_000;

/** How the whole server ends. */
interface Ending {
  readonly sinceMs: number;
  code: number;
}

/**
 * Starts `WORKERS` workers behind one port, replaces those that end, and serves the metrics of all. The first worker
 * starts alone: it migrates the database and finds out whether the port is free, so an error that prevents the start is
 * printed once. Ends the process when all workers have ended.
 */
export class Primary {
  readonly #slots: readonly WorkerSlot[];
  readonly #metrics: WorkersMetrics;
  readonly #connections: ConnectionTotals;
  readonly #metricsServer: MetricsServer;
  #env: Readonly<Record<string, string>>;
  #hasStarted = false;
  #ending: Ending | null = null;

  /**
   * @param config for `WORKERS`, where to listen and `METRICS_PORT`
   * @param env what workers read their configuration from: the same for those that start later
   * @param opened called once, when the first worker serves
   */
  constructor(
    private readonly config: Config,
    env: Readonly<Record<string, string>>,
    private readonly logger: Logger,
    private readonly opened: () => void,
  ) {
    this.#env = env;
    this.#slots = Array.from({ length: config.workers }, (_, index) => {
      const notStarted = (id: number): void => this.#exited(id, 1, null);
      return new WorkerSlot(index + 1, logger, notStarted);
    });
    this.#connections = new ConnectionTotals(config.limits.maxConnectionsPerViewer);
    this.#metrics = new WorkersMetrics((round) => this.#askForMetrics(round));
    this.#metricsServer = new MetricsServer(this.#metrics, config.metrics, logger);
  }

  /** @throws StartError when `METRICS_PORT` is in use; the system's error when `PORT` is */
  async run(): Promise<void> {
    // For Node before 22.12; also where the environment asks for another: see decisions/workers-share-the-port.md.
    cluster.schedulingPolicy = cluster.SCHED_RR;
    cluster.setupPrimary({ exec: MAIN });
    const { port, host } = this.config.http;
    this.#env = { ...this.#env, PORT: String(await freeToShare(port, host)) };
    await this.#metricsServer.onApplicationBootstrap();
    cluster.on('message', (worker: Worker, message: FromWorker) => this.#heard(worker.id, message));
    cluster.on('exit', (worker: Worker, code: number, signal: NodeJS.Signals | null) =>
      this.#exited(worker.id, code, signal),
    );
    for (const signal of SIGNALS) process.on(signal, () => this.#signalled());
    setInterval(() => this.#tick(), 1_000).unref();
    this.#slots[0]?.start();
  }

  #slotOf(id: number): WorkerSlot | undefined {
    return this.#slots.find((slot) => slot.id === id);
  }

  #heard(id: number, message: FromWorker): void {
    const slot = this.#slotOf(id);
    if (!slot) return;
    slot.beat();
    switch (message.kind) {
      case 'environment':
        slot.send({ kind: 'environment', env: this.#env });
        this.#connections.joined(id, (counts, sent) => slot.send({ kind: 'connections', counts }, sent));
        break;
      case 'beat':
        break;
      case 'serving':
        this.#serves(slot);
        break;
      case 'metrics':
        this.#metrics.answered(id, message.round, message.metrics);
        break;
      case 'connections':
        this.#counted(slot, id, message.counts);
        break;
      case 'page':
        void this.#metrics.text().then(
          (text) => slot.send({ kind: 'page', text }),
          (error: unknown) => this.logger.error({ err: error }, 'the metrics of all workers cannot be gathered'),
        );
        break;
    }
  }

  #counted(slot: WorkerSlot, id: number, counts: readonly ConnectionCount[]): void {
    const viewers = this.#connections.reported(id, counts);
    if (viewers.length > 0) slot.send({ kind: 'excess', viewers });
  }

  #serves(slot: WorkerSlot): void {
    slot.serving();
    if (this.#hasStarted || this.#ending) return;
    this.#hasStarted = true;
    for (const other of this.#slots) if (other !== slot) other.start();
    this.opened();
  }

  #exited(id: number, code: number | null, signal: NodeJS.Signals | null): void {
    const slot = this.#slotOf(id);
    if (!slot) return;
    const { number: worker, pid, isHung: hung } = slot;
    const waitMs = slot.ended();
    this.#connections.ended(id);
    this.#metrics.ended(id, this.#ending ? null : hung ? 'hung' : signal ? 'killed' : 'exited');
    if (this.#ending) {
      // One that was still loading ends by the signal itself.
      const isDrained = code === 0 || (signal !== null && SIGNALS.includes(signal));
      if (!isDrained) this.#ending.code ||= 1;
      this.#endWhenAllHave();
    } else if (!this.#hasStarted) {
      // Otherwise it has said why, and so has the primary of one that hung.
      if (signal && !hung)
        process.stderr.write(
          `sallyport: worker ${worker} was ended by ${signal} while it started, often for want of memory.\n`,
        );
      this.#end(code || 1);
    } else if (waitMs === null) {
      this.logger.fatal({ worker, pid, code, signal }, 'a worker ends again and again soon after its start: ending');
      process.stderr.write(
        `sallyport: worker ${worker} ended five times in a row soon after its start (${signal ?? `exit code ${code}`}). The lines above say why. All workers end.\n`,
      );
      this.#end(1);
    } else {
      this.logger.warn({ worker, pid, code, signal, hung, waitMs }, 'a worker ended and is replaced');
      slot.startLater(waitMs);
    }
  }

  #signalled(): void {
    if (!this.#ending) this.#end(0);
    else if (performance.now() - this.#ending.sinceMs > SAME_SIGNAL_MS) {
      this.#ending.code = 1;
      this.#killAll();
    }
  }

  /** Drains all workers together. One that is starting ends at once. */
  #end(code: number): void {
    this.#ending = { sinceMs: performance.now(), code };
    for (const slot of this.#slots) {
      slot.cancel();
      slot.kill('SIGTERM');
    }
    setTimeout(() => this.#killAll(), STOP_WITHIN_MS).unref();
    this.#endWhenAllHave();
  }

  #killAll(): void {
    for (const slot of this.#slots) slot.kill('SIGKILL');
  }

  #endWhenAllHave(): void {
    if (this.#slots.some((slot) => slot.id !== null)) return;
    process.exit(this.#ending?.code);
  }

  #tick(): void {
    // A worker at a breakpoint is not hung.
    if (inspector.url() !== undefined) return;
    for (const slot of this.#slots) {
      if (!slot.tick()) continue;
      this.logger.error({ worker: slot.number, pid: slot.pid }, 'a worker does not answer: killing it');
      slot.kill('SIGKILL');
    }
  }

  #askForMetrics(round: number): readonly number[] {
    return this.#slots.flatMap((slot) => {
      if (!slot.isServing || slot.id === null) return [];
      slot.send({ kind: 'metrics', round });
      return [slot.id];
    });
  }
}
