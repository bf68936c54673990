import { messagesOf, Sockets } from './sockets.mjs';

const SUBSCRIPTION = { query: 'subscription { notifications { title } }' };
/** How often clients that were closed are opened again, together, in milliseconds. */
const REOPEN_EVERY_MS = 50;
/** The longest random wait of a client before it reconnects, in milliseconds. */
const MAX_BACKOFF_MS = 1_000;
const FIRST_BASE = 40;

/**
 * Resumable clients over raw TCP, one for each person, which reconnect with their last cursor. Each expects its person's
 * numbers 1, 2, 3 …
 */
export class RolloutClients {
  reconnects = 0;
  /** When the last client went live, on the monotonic clock. */
  lastLiveAt = 0;
  #clients;
  #groups = [];
  #waiting = [];
  #base = FIRST_BASE;
  #turn = 0;
  #timer;
  #isOver = false;

  /** @param portFor the port of the node for a client's next connection, by turn */
  constructor(people, portFor) {
    this.portFor = portFor;
    this.#clients = people.map(({ token }) => ({
      token,
      cursor: null,
      isLive: false,
      published: 0,
      received: 0,
      doubled: 0,
      lost: 0,
    }));
  }

  get live() {
    return this.#clients.filter(({ isLive }) => isLive).length;
  }

  /** Opens all of them, half on each node, and keeps them open. */
  async open() {
    const indices = this.#clients.map((_, index) => index);
    const half = Math.ceil(indices.length / 2);
    await this.#openGroup(indices.slice(0, half), this.portFor(0));
    await this.#openGroup(indices.slice(half), this.portFor(1));
    if (this.live < indices.length) throw new Error(`${indices.length - this.live} clients did not open`);
    this.#timer = setInterval(() => this.#reopen(), REOPEN_EVERY_MS);
  }

  /** The next number that will be published to a person. */
  expect(index) {
    return (this.#clients[index].published += 1);
  }

  /** Waits until every client is live; false where that takes longer. */
  allLive(withinMs) {
    return until(() => this.#clients.every(({ isLive }) => isLive), withinMs);
  }

  /** Waits until every number has arrived, or can no longer. */
  allArrived(withinMs) {
    return until(() => this.#clients.every(({ published, received }) => received >= published), withinMs);
  }

  /** How many numbers were skipped or have not arrived, and how many came twice. */
  faults() {
    const sum = (count) => this.#clients.reduce((total, client) => total + count(client), 0);
    return {
      published: sum(({ published }) => published),
      lost: sum(({ lost, published, received }) => lost + Math.max(0, published - received)),
      doubled: sum(({ doubled }) => doubled),
    };
  }

  close() {
    this.#isOver = true;
    clearInterval(this.#timer);
    for (const group of this.#groups) group.close();
  }

  #reopen() {
    const nowMs = performance.now();
    const due = this.#waiting.filter(({ atMs }) => atMs <= nowMs);
    if (due.length === 0) return;
    this.#waiting = this.#waiting.filter(({ atMs }) => atMs > nowMs);
    const byPort = new Map();
    for (const { index } of due) {
      const port = this.portFor(this.#turn++);
      byPort.set(port, [...(byPort.get(port) ?? []), index]);
    }
    for (const [port, indices] of byPort) {
      this.reconnects += indices.length;
      void this.#openGroup(indices, port);
    }
  }

  async #openGroup(indices, port) {
    const group = new Sockets({
      port,
      base: (this.#base = this.#base >= 250 ? FIRST_BASE : this.#base + 1),
      graphql: true,
      clients: indices.map((index) => {
        const { token, cursor } = this.#clients[index];
        const extensions = cursor === null ? undefined : { resume: cursor };
        return messagesOf({ token, resumable: true }, { ...SUBSCRIPTION, extensions });
      }),
      onClosed: (at) => this.#lose(indices[at]),
      onSettled: (at, ok) => (ok ? this.#goLive(indices[at]) : this.#lose(indices[at])),
    });
    group.onEvent = (bytes, start, end, at) =>
      this.#receive(this.#clients[indices[at]], bytes.toString('utf8', start, end));
    this.#groups.push(group);
    await group.open();
  }

  #goLive(index) {
    this.#clients[index].isLive = true;
    this.lastLiveAt = performance.now();
  }

  #lose(index) {
    const client = this.#clients[index];
    client.isLive = false;
    if (!this.#isOver) this.#waiting.push({ index, atMs: performance.now() + Math.random() * MAX_BACKOFF_MS });
  }

  #receive(client, text) {
    const { type, payload } = JSON.parse(text);
    if (type !== 'next') return;
    const number = Number(payload.data.notifications.title);
    if (number <= client.received) client.doubled += 1;
    else client.lost += number - client.received - 1;
    client.received = Math.max(client.received, number);
    client.cursor = payload.extensions.cursor;
  }
}

async function until(isSo, withinMs) {
  const deadline = performance.now() + withinMs;
  while (!isSo() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  return isSo();
}
