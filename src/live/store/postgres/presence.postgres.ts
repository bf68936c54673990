import { randomUUID } from 'node:crypto';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import { LocalPresence } from '../../presence/local-presence.js';
import { type ConnectedViewer, Presence, type PresenceListener, together } from '../../presence/presence.js';
import type { ViewerId } from '../../viewer/viewer.js';
import type { PostgresConnection, SqlValue } from './postgres.connection.js';

/** How long a node counts as alive after its last heartbeat, in milliseconds. */
const LEASE_MS = 15_000;
/** Changes within this time are sent together, in milliseconds. */
const REPORT_EVERY_MS = 50;
const BATCH = 1_000;

const ENTER = `
insert into sallyport.node (id, owner, alive_until) values ($1, $2, clock_timestamp() + $3 * interval '1 ms')`;
const BEAT = 'select sallyport.beat($1, $2) as "isKnown"';
const REPORT = 'select sallyport.report_presence($1, $2, $3, $4, $5) as "isKnown"';
const COMPLETE = 'select sallyport.complete_presence($1, $2, $3) as "isKnown"';
const LEAVE = `update sallyport.node set alive_until = '-infinity' where owner = $1`;
const CONNECTED = 'select sallyport.connected_viewers($1, $2) as viewer';
const NODES = 'select distinct owner from sallyport.node where alive_until > clock_timestamp()';
const ELSEWHERE = 'select * from sallyport.present_elsewhere($1, $2)';

interface Elsewhere {
  readonly viewer: ViewerId;
  readonly connections: number;
  readonly since: string;
}

/**
 * Presence over all nodes: each keeps a row per viewer here, and one lease. The cost of a heartbeat does not depend on
 * the number of viewers, and a crashed node is removed when its lease of 15 seconds expires.
 */
export class PostgresPresence extends Presence implements BeforeApplicationShutdown {
  /** This process. */
  readonly #owner = randomUUID();
  /** What its viewers are reported under; null if it is unknown what PostgreSQL has: everything is then reported. */
  #node: string | null = null;
  readonly #changed = new Set<ViewerId>();
  readonly #here = new LocalPresence((viewer) => this.#note(viewer));
  readonly #heartbeat: NodeJS.Timeout;
  #reporting: NodeJS.Timeout | null = null;
  /** Runs exchanges with PostgreSQL one after the other. Never rejects. */
  #exchange: Promise<void> = Promise.resolve();
  #isOver = false;

  /** @param leaseMs default 15 seconds; the heartbeat is sent three times as often */
  constructor(
    private readonly postgres: PostgresConnection,
    private readonly leaseMs = LEASE_MS,
  ) {
    super();
    this.#heartbeat = setInterval(() => this.#enqueue(() => this.#beat()), leaseMs / 3).unref();
  }

  override enter(viewer: ViewerId): () => void {
    return this.#here.enter(viewer);
  }

  override async *connected(): AsyncGenerator<readonly ViewerId[]> {
    for (let last = ''; ;) {
      const rows = await this.postgres.run<{ viewer: ViewerId }>(CONNECTED, [last, BATCH]);
      const viewers = rows.map(({ viewer }) => viewer);
      if (viewers.length > 0) yield viewers;
      if (viewers.length < BATCH) return;
      last = viewers.at(-1)!;
    }
  }

  override async among(viewers: readonly ViewerId[]): Promise<ReadonlyMap<ViewerId, ConnectedViewer>> {
    if (viewers.length === 0) return new Map();
    const elsewhere = await this.postgres.run<Elsewhere & Record<string, unknown>>(ELSEWHERE, [viewers, this.#owner]);
    const found = this.#here.among(viewers);
    for (const { viewer, connections, since } of elsewhere)
      found.set(viewer, together(found.get(viewer), { connections, since: new Date(Number(since)) }));
    return found;
  }

  override async nodes(): Promise<ReadonlySet<string>> {
    const rows = await this.postgres.run<{ owner: string }>(NODES, []);
    return new Set(rows.map(({ owner }) => owner));
  }

  override listen(listener: PresenceListener): () => void {
    return this.#here.listen(listener);
  }

  /** After the sockets were drained: until then this node's viewers are present. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#heartbeat);
    if (this.#reporting) clearTimeout(this.#reporting);
    await this.#exchange;
    await this.postgres.run(LEAVE, [this.#owner]).catch(() => {});
  }

  #note(viewer: ViewerId): void {
    if (this.#isOver) return;
    this.#changed.add(viewer);
    this.#reporting ??= setTimeout(() => {
      this.#reporting = null;
      this.#enqueue(() => this.#report());
    }, REPORT_EVERY_MS).unref();
  }

  /** Runs the task after the current one. After a failure the next heartbeat reports everything. */
  #enqueue(work: () => Promise<void>): void {
    this.#exchange = this.#exchange.then(work).catch(() => {
      this.#node = null;
    });
  }

  async #beat(): Promise<void> {
    if (this.#node === null || !(await this.#ask(BEAT, [this.#node, this.leaseMs]))) await this.#reportAll();
  }

  async #report(): Promise<void> {
    if (this.#node === null) return this.#reportAll();
    const changed = [...this.#changed];
    this.#changed.clear();
    for (let at = 0; at < changed.length; at += BATCH)
      if (!(await this.#send(this.#node, changed.slice(at, at + BATCH)))) return this.#reportAll();
  }

  /** Reports everything under a new id, which then replaces the former one in one step. */
  async #reportAll(): Promise<void> {
    this.#node = null;
    this.#changed.clear();
    const node = randomUUID();
    const batches = [...this.#here.batches(BATCH)];
    await this.postgres.run(ENTER, [node, this.#owner, this.leaseMs]);
    for (const batch of batches) if (!(await this.#send(node, batch))) throw new UnavailableError();
    if (!(await this.#ask(COMPLETE, [node, this.#owner, this.leaseMs]))) throw new UnavailableError();
    this.#node = node;
  }

  /** Reports these viewers as they are now. */
  #send(node: string, viewers: readonly ViewerId[]): Promise<boolean> {
    const sockets = viewers.map((viewer) => this.#here.find(viewer));
    const counts = sockets.map((one) => one?.connections ?? 0);
    const since = sockets.map((one) => one?.since.getTime() ?? 0);
    return this.#ask(REPORT, [node, this.leaseMs, viewers, counts, since]);
  }

  /** False if PostgreSQL no longer has this node: its lease has expired, or its rows were lost in a crash. */
  async #ask(statement: string, values: readonly SqlValue[]): Promise<boolean> {
    const [row] = await this.postgres.run<{ isKnown: boolean }>(statement, values);
    return row?.isKnown === true;
  }
}
