const CHECK_EVERY_MS = 100;
const RETRY_AFTER_MS = 20;

/** What a load balancer knows: the nodes that are ready, asked every 100 ms. */
export class ReadyNodes {
  #ready = new Map();

  constructor(ports) {
    this.ports = ports;
    for (const port of ports) this.#ready.set(port, true);
    this.timer = setInterval(() => ports.forEach((port) => void this.#check(port)), CHECK_EVERY_MS);
  }

  async #check(port) {
    const signal = AbortSignal.timeout(1_000);
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal }).catch(() => null);
    await answer?.arrayBuffer().catch(() => null);
    this.#ready.set(port, answer?.ok ?? false);
  }

  /** A ready node by turns; any node if none is. */
  next(turn) {
    const ready = this.ports.filter((port) => this.#ready.get(port));
    const among = ready.length > 0 ? ready : this.ports;
    return among[turn % among.length];
  }

  /** Tries a request on one node after the other until one answers. */
  async ask(path, init) {
    for (let turn = Math.floor(Math.random() * 2); ; turn++) {
      const answer = await fetch(`http://127.0.0.1:${this.next(turn)}${path}`, init).catch(() => null);
      if (answer?.ok) return answer;
      await answer?.arrayBuffer().catch(() => null);
      await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS));
    }
  }

  stop() {
    clearInterval(this.timer);
  }
}
