import { randomUUID } from 'node:crypto';
import type { QueryResultRow } from 'pg';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import { combined, type ConnectedViewer } from '../../presence/presence.js';
import type { ViewerId } from '../../viewer/viewer.js';
import { PRESENCE_BATCH, SharedPresence } from '../presence.shared.js';
import type { PostgresConnection, SqlValue } from './postgres.connection.js';

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

/** Presence over all nodes in PostgreSQL: each node has a row per viewer. */
export class PostgresPresence extends SharedPresence {
  /** This process. */
  readonly #owner = randomUUID();
  /** What its viewers were last reported under. */
  #node = '';

  /** @param leaseMs default 10 seconds */
  constructor(
    private readonly postgres: PostgresConnection,
    leaseMs?: number,
  ) {
    super(leaseMs);
  }

  override async *connected(): AsyncGenerator<readonly ViewerId[]> {
    for (let last = ''; ;) {
      const rows = await this.#read<{ viewer: ViewerId }>(CONNECTED, [last, PRESENCE_BATCH]);
      const viewers = rows.map(({ viewer }) => viewer);
      if (viewers.length > 0) yield viewers;
      if (viewers.length < PRESENCE_BATCH) return;
      last = viewers.at(-1)!;
    }
  }

  override async among(viewers: readonly ViewerId[]): Promise<ReadonlyMap<ViewerId, ConnectedViewer>> {
    if (viewers.length === 0) return new Map();
    const elsewhere = await this.#read<Elsewhere & Record<string, unknown>>(ELSEWHERE, [viewers, this.#owner]);
    const found = this.here.among(viewers);
    for (const { viewer, connections, since } of elsewhere)
      found.set(viewer, combined(found.get(viewer), { connections, since: new Date(Number(since)) }));
    return found;
  }

  override async nodes(): Promise<ReadonlySet<string>> {
    const rows = await this.#read<{ owner: string }>(NODES, []);
    return new Set(rows.map(({ owner }) => owner));
  }

  protected override beat(): Promise<boolean> {
    return this.#ask(BEAT, [this.#node, this.leaseMs]);
  }

  protected override report(viewers: readonly ViewerId[]): Promise<boolean> {
    return this.#send(this.#node, viewers);
  }

  /** Reports everything under a new id, which then replaces the former one in one step. */
  protected override async reportAll(): Promise<void> {
    const node = randomUUID();
    const batches = [...this.here.batches(PRESENCE_BATCH)];
    await this.postgres.run(ENTER, [node, this.#owner, this.leaseMs]);
    for (const batch of batches) if (!(await this.#send(node, batch))) throw new UnavailableError();
    if (!(await this.#ask(COMPLETE, [node, this.#owner, this.leaseMs]))) throw new UnavailableError();
    this.#node = node;
  }

  protected override async leave(): Promise<void> {
    await this.postgres.run(LEAVE, [this.#owner]);
  }

  /** @throws UnavailableError also while PostgreSQL refuses writes: no node can then renew its lease */
  #read<Row extends QueryResultRow>(statement: string, values: readonly SqlValue[]): Promise<readonly Row[]> {
    if (this.postgres.health.state === 'refuses-writes') return Promise.reject(new UnavailableError());
    return this.postgres.run<Row>(statement, values);
  }

  /** Reports these viewers as they are now. */
  #send(node: string, viewers: readonly ViewerId[]): Promise<boolean> {
    const sockets = viewers.map((viewer) => this.here.find(viewer));
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
