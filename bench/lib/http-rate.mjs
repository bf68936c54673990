import { connect } from 'node:net';

const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);
const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One keep-alive connection that repeats a request after each response. */
class Asker {
  answered = 0;
  sample = null;
  fault = null;
  #pending = '';
  #socket;
  #request;
  #expect;

  constructor(port, request, expect) {
    this.#request = Buffer.from(request);
    this.#expect = expect;
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: READ_BUFFER, callback: (size, buffer) => this.#read(buffer.latin1Slice(0, size)) },
    });
    this.#socket.on('error', (error) => (this.fault ??= error.message));
    this.#socket.once('connect', () => this.#socket.write(this.#request));
  }

  end() {
    this.#socket.destroy();
  }

  #read(text) {
    this.#pending += text;
    const head = this.#pending.indexOf('\r\n\r\n');
    if (head === -1) return true;
    const length = /content-length: *(\d+)/i.exec(this.#pending.slice(0, head));
    if (!length || !this.#pending.startsWith('HTTP/1.1 200')) {
      this.fault ??= `unexpected answer: ${this.#pending.slice(0, 500)}`;
      return false;
    }
    const end = head + 4 + Number(length[1]);
    if (this.#pending.length < end) return true;
    if (this.sample === null) {
      this.sample = this.#pending.slice(head + 4);
      if (!this.sample.includes(this.#expect)) this.fault ??= `an answer without ${this.#expect}: ${this.sample}`;
    }
    this.#pending = '';
    this.answered++;
    this.#socket.write(this.#request);
    return true;
  }
}

/**
 * Requests per second over keep-alive connections, one request at a time on each.
 * Responses are delimited by Content-Length; the first one of each connection must contain `expect`.
 *
 * @param options.requests one whole HTTP/1.1 request as text per connection
 */
export async function httpRate({ port, requests, warmupSeconds, seconds, expect }) {
  const askers = requests.map((request) => new Asker(port, request, expect));
  const answered = () => askers.reduce((sum, asker) => sum + asker.answered, 0);
  try {
    await after(warmupSeconds * 1000);
    const before = answered();
    const from = performance.now();
    await after(seconds * 1000);
    const perSecond = ((answered() - before) * 1000) / (performance.now() - from);
    const fault = askers.find((asker) => asker.fault)?.fault;
    if (fault) throw new Error(fault);
    return { requests: answered(), perSecond, sample: askers[0].sample };
  } finally {
    for (const asker of askers) asker.end();
  }
}
