import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { IntervalLease } from '../../live/leases/interval-lease.js';
import { LOGGER } from '../../live/logging/logger.js';
import { Presence } from '../../live/presence/presence.js';
import type { ViewerId } from '../../live/viewer/viewer.js';
import { AnnouncedViewers } from './announced-viewers.store.js';

/** Changes on this node within this time are written together, in milliseconds. */
const WRITE_EVERY_MS = 250;
/** How often one node looks at who is gone, in milliseconds. */
export const LOOK_EVERY_MS = 1_000;
/** How often one node compares everyone, in milliseconds: repairs what was missed while a store was unavailable. */
const COMPARE_EVERY_MS = 300_000;
/** How long a node waits after its start before it looks for lost viewers, in milliseconds: they are reconnecting. */
const SETTLE_MS = 15_000;
/** The most changes that wait for the database; further ones are found by comparing. */
const MAX_CHANGES = 200_000;
const BATCH = 1_000;

/** What runs repeatedly; each waits in the queue at most once. */
type Job = 'write' | 'look' | 'compare';

/**
 * Finds out who has come and who has gone, over all nodes. Each node writes its own changes; one node at a time checks
 * those who left, and everyone when a node is lost.
 */
@Injectable()
export class PresenceWatcher implements BeforeApplicationShutdown {
  /** Whether each viewer whose sockets here have changed is here now. */
  readonly #changed = new Map<ViewerId, boolean>();
  #stopListening: () => void = () => {};
  #timers: NodeJS.Timeout[] = [];
  /** Null until this node has looked at the nodes for the first time. */
  #nodes: ReadonlySet<string> | null = null;
  /** The nodes of the last look have changed, or everyone is to be compared for another reason. */
  #mayHaveLost = true;
  #startedMs = 0;
  /** Runs one task after the other. Never rejects. */
  #work: Promise<void> = Promise.resolve();
  readonly #isQueued: Record<Job, boolean> = { write: false, look: false, compare: false };

  constructor(
    private readonly presence: Presence,
    private readonly lease: IntervalLease,
    private readonly announced: AnnouncedViewers,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Called once, if webhooks are sent. */
  start(): void {
    this.#startedMs = performance.now();
    this.#stopListening = this.presence.listen((viewer, connections) => this.#note(viewer, connections));
    const every = (ms: number, job: Job, task: () => Promise<void>): NodeJS.Timeout =>
      setInterval(() => this.#enqueue(job, task), ms).unref();
    this.#timers = [
      every(WRITE_EVERY_MS, 'write', () => this.#write()),
      every(LOOK_EVERY_MS, 'look', () => this.#look()),
      every(COMPARE_EVERY_MS, 'compare', () => this.#compare()),
    ];
  }

  /** After the sockets were drained: who has left this node is written last. */
  async beforeApplicationShutdown(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#stopListening();
    await this.#work;
    await this.#write().catch(() => {});
  }

  #note(viewer: ViewerId, connections: number): void {
    if (this.#changed.size < MAX_CHANGES || this.#changed.has(viewer)) this.#changed.set(viewer, connections > 0);
  }

  #enqueue(job: Job, task: () => Promise<void>): void {
    if (this.#isQueued[job]) return;
    this.#isQueued[job] = true;
    this.#work = this.#work.then(task).then(
      () => void (this.#isQueued[job] = false),
      (error: unknown) => {
        this.#isQueued[job] = false;
        // Its own log tells when a store is unavailable; the next run does what this one could not.
        if (!(error instanceof UnavailableError))
          this.logger.error({ err: error }, 'webhooks: looking at who is online failed');
      },
    );
  }

  /**
   * Writes this node's changes. While too many messages wait, viewers who came online are found later, by comparing.
   */
  async #write(): Promise<void> {
    if (this.#changed.size === 0) return;
    for (const batch of batches([...this.#changed])) {
      await this.announced.disconnected(viewersOf(batch, false));
      if (!(await this.announced.isFull())) await this.announced.connected(viewersOf(batch, true));
      // One that has changed meanwhile is written again.
      for (const [viewer, isHere] of batch) if (this.#changed.get(viewer) === isHere) this.#changed.delete(viewer);
    }
  }

  async #look(): Promise<void> {
    if (!(await this.lease.take('webhooks', LOOK_EVERY_MS))) return;
    await this.#lookAtNodes();
    while (!(await this.announced.isFull())) {
      const due = await this.announced.due(BATCH);
      const connected = await this.presence.among(due);
      await this.announced.stillConnected(due.filter((viewer) => connected.has(viewer)));
      await this.announced.offline(due.filter((viewer) => !connected.has(viewer)));
      if (due.length < BATCH) return;
    }
  }

  /** A node that is gone has not written who left it. */
  async #lookAtNodes(): Promise<void> {
    const nodes = await this.presence.nodes();
    const known = this.#nodes;
    if (known && [...known].some((node) => !nodes.has(node))) this.#mayHaveLost = true;
    this.#nodes = nodes;
    if (!this.#mayHaveLost || performance.now() - this.#startedMs < SETTLE_MS) return;
    await this.#findLost();
    this.#mayHaveLost = false;
  }

  async #findLost(): Promise<void> {
    let last = '';
    for (;;) {
      const page = await this.announced.page(last, BATCH);
      const connected = await this.presence.among(page);
      await this.announced.nodeLost(page.filter((viewer) => !connected.has(viewer)));
      if (page.length < BATCH) return;
      last = page.at(-1) ?? '';
    }
  }

  async #compare(): Promise<void> {
    this.#mayHaveLost = true;
    if (!(await this.lease.take('webhooks-compare', COMPARE_EVERY_MS))) return;
    for await (const viewers of this.presence.connected()) {
      if (await this.announced.isFull()) return;
      await this.announced.found(viewers);
    }
  }
}

function viewersOf(changes: readonly (readonly [ViewerId, boolean])[], here: boolean): ViewerId[] {
  return changes.flatMap(([viewer, isHere]) => (isHere === here ? [viewer] : []));
}

function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += BATCH) yield items.slice(at, at + BATCH);
}
