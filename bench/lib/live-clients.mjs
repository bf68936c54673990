// Many clients of our own library in one process, each with its own cookie and address, and with automatic reconnects.
import { WebSocket } from 'ws';
import { build } from '../../scripts/build.mjs';

const PEOPLE_AT_ONCE = 5;
const SESSION_COOKIE = /^(?:__Host-)?sallyport=/;

/** Built and loaded when an attack asks for it, so that the others need no client. */
async function library() {
  await build({ only: 'client' });
  return import('../../client/dist/index.js');
}

/** Registers people over HTTP, each at an address of its own: `[{ viewerId, cookie, address }]`. */
export async function register(url, count) {
  const people = [];
  for (let from = 0; from < count; from += PEOPLE_AT_ONCE) {
    const indices = Array.from({ length: Math.min(PEOPLE_AT_ONCE, count - from) }, (_, index) => from + index);
    people.push(...(await Promise.all(indices.map((index) => registerOne(url, index)))));
  }
  return people;
}

async function registerOne(url, index) {
  const address = `203.0.113.${index + 1}`;
  const query = 'mutation ($e: String!) { register(email: $e, password: "correct horse battery staple") { id } }';
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url, 'x-forwarded-for': address },
    body: JSON.stringify({ query, variables: { e: `client-${index}@example.com` } }),
  });
  const { data, errors } = await response.json();
  if (!data?.register) throw new Error(`not registered: ${JSON.stringify(errors)}`);
  const line = response.headers.getSetCookie().find((text) => SESSION_COOKIE.test(text));
  return { viewerId: `user:${data.register.id}`, cookie: line.split(';', 1)[0], address };
}

/** The clients of one run: which are live, since when, and what they received. */
export class LiveClients {
  clients = [];
  /** When the last client went live, on the monotonic clock. */
  lastLiveAt = 0;
  failures = 0;
  /** The longest time in ms for which one client that had been live was not. */
  longestAwayMs = 0;

  /**
   * Opens `each` clients for every person.
   *
   * @param query the subscription
   * @param onData called with the index of the client and the data of each value
   */
  static async open({ url, origin = url, people, each, query, onData = () => {} }) {
    const { createLiveClient, tokenFromMe } = await library();
    const opened = new LiveClients();
    for (const person of people) {
      for (let count = 0; count < each; count++)
        opened.#add(createLiveClient, tokenFromMe, { url, origin, person, query, onData });
    }
    return opened;
  }

  #add(createLiveClient, tokenFromMe, { url, origin, person, query, onData }) {
    const headers = { cookie: person.cookie, origin, 'x-forwarded-for': person.address };
    class WithHeaders extends WebSocket {
      constructor(address, protocols) {
        super(address, protocols, { headers: { origin, 'x-forwarded-for': person.address } });
      }
    }
    const endpoint = `${url}/graphql`;
    const entry = { person, client: null, live: false, lostAt: 0 };
    const index = this.clients.push(entry) - 1;
    entry.client = createLiveClient({
      url: endpoint,
      webSocketImpl: WithHeaders,
      getToken: tokenFromMe(endpoint, (target, init) =>
        fetch(target, { ...init, headers: { ...init.headers, ...headers } }),
      ),
      onState: (state) => this.#moved(entry, state === 'live'),
    });
    const failed = () => (this.failures += 1);
    entry.client.subscribe(
      { query },
      { next: ({ data }) => data && onData(index, data), error: failed, complete: failed },
    );
  }

  #moved(entry, live) {
    const now = performance.now();
    if (live) this.lastLiveAt = now;
    if (live && entry.lostAt > 0) this.longestAwayMs = Math.max(this.longestAwayMs, now - entry.lostAt);
    if (live) entry.lostAt = 0;
    else if (entry.live) entry.lostAt = now;
    entry.live = live;
  }

  /** How many are live now. */
  get live() {
    return this.clients.filter(({ live }) => live).length;
  }

  /** Waits until all are live; false if that takes longer. */
  async allLive(withinMs) {
    const deadline = performance.now() + withinMs;
    while (this.live < this.clients.length && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
    return this.live === this.clients.length;
  }

  async close() {
    await Promise.allSettled(this.clients.map(({ client }) => client.dispose()));
  }
}
