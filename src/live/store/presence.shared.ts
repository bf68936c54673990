import type { BeforeApplicationShutdown } from '@nestjs/common';
import { LocalPresence } from '../presence/local-presence.js';
import { Presence, type PresenceListener } from '../presence/presence.js';
import type { ViewerId } from '../viewer/viewer.js';

/** How long a node counts as alive after its last heartbeat, in milliseconds. */
export const LEASE_MS = 10_000;
/** Changes within this time are reported together, in milliseconds. */
const REPORT_EVERY_MS = 50;

/** The most viewers in one report, and in one batch of `Presence.connected`. */
export const PRESENCE_BATCH = 1_000;

/**
 * Presence over many nodes: each node reports its viewers to the store as they come and go, under one lease. The cost of
 * a heartbeat does not depend on the number of viewers, and a crashed node is removed when its lease of 10 seconds
 * expires. After a failure the next heartbeat reports every viewer.
 */
export abstract class SharedPresence extends Presence implements BeforeApplicationShutdown {
  /** This node's viewers. */
  protected readonly here = new LocalPresence((viewer) => this.#note(viewer));
  readonly #changed = new Set<ViewerId>();
  readonly #heartbeat: NodeJS.Timeout;
  #reporting: NodeJS.Timeout | null = null;
  /** Whether a report waits for its turn: it takes what has changed until then. */
  #reportWaits = false;
  /** Whether a heartbeat waits for its turn: while the store hangs, no further ones join it. */
  #beatWaits = false;
  /** Runs exchanges with the store one after the other. Never rejects. */
  #exchange: Promise<void> = Promise.resolve();
  /** False if it is unknown what the store has for this node. */
  #isKnown = false;
  #isOver = false;

  /** @param leaseMs the heartbeat is sent four times as often */
  constructor(protected readonly leaseMs = LEASE_MS) {
    super();
    this.#heartbeat = setInterval(() => this.#enqueueBeat(), leaseMs / 4).unref();
  }

  /** Renews the lease. False if the store no longer has what this node has reported. */
  protected abstract beat(): Promise<boolean>;

  /** Reports these viewers, at most {@link PRESENCE_BATCH}, as they are now. False as {@link beat}. */
  protected abstract report(viewers: readonly ViewerId[]): Promise<boolean>;

  /** Begins a lease and reports every viewer, replacing what was reported before in one step. */
  protected abstract reportAll(): Promise<void>;

  /** Removes this node and what it has reported. */
  protected abstract leave(): Promise<void>;

  override enter(viewer: ViewerId): () => void {
    return this.here.enter(viewer);
  }

  override listen(listener: PresenceListener): () => void {
    return this.here.listen(listener);
  }

  /** After the sockets were drained: until then this node's viewers are present. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#heartbeat);
    if (this.#reporting) clearTimeout(this.#reporting);
    await this.#exchange;
    // If the store is unavailable, the lease expires.
    await this.leave().catch(() => {});
  }

  #note(viewer: ViewerId): void {
    if (this.#isOver) return;
    this.#changed.add(viewer);
    this.#reporting ??= setTimeout(() => {
      this.#reporting = null;
      if (this.#reportWaits) return;
      this.#reportWaits = true;
      this.#enqueue(() => this.#reportChanged());
    }, REPORT_EVERY_MS).unref();
  }

  #enqueueBeat(): void {
    if (this.#beatWaits) return;
    this.#beatWaits = true;
    this.#enqueue(() => this.#beat());
  }

  /** Runs the task after those before it; drops it once the shutdown has begun. */
  #enqueue(work: () => Promise<void>): void {
    this.#exchange = this.#exchange
      .then(() => (this.#isOver ? undefined : work()))
      .catch(() => {
        this.#isKnown = false;
      });
  }

  async #beat(): Promise<void> {
    this.#beatWaits = false;
    if (!this.#isKnown || !(await this.beat())) await this.#reportAll();
  }

  async #reportChanged(): Promise<void> {
    this.#reportWaits = false;
    if (!this.#isKnown) return this.#reportAll();
    const changed = [...this.#changed];
    this.#changed.clear();
    for (let at = 0; at < changed.length; at += PRESENCE_BATCH)
      if (!(await this.report(changed.slice(at, at + PRESENCE_BATCH)))) return this.#reportAll();
  }

  async #reportAll(): Promise<void> {
    this.#isKnown = false;
    this.#changed.clear();
    await this.reportAll();
    this.#isKnown = true;
  }
}
