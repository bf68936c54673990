import type { ConnectionAckPayload, RefreshPingPayload, RefreshPongPayload } from '../src/protocol/payload.js';
import { CloseCode } from '../src/protocol/close-code.js';
import type { GuardedSocket } from './guarded-socket.js';
import { Heartbeat, type HeartbeatListener } from './heartbeat.js';
import { TokenRefresh, type Clock } from './token-refresh.js';
import type { TokenSource } from './token-source.js';

/** One acknowledged connection: sends pings, renews it in band, and stops both when it ends. */
export class Connection {
  readonly #since = performance.now();
  readonly #over = new AbortController();
  readonly #heartbeat: Heartbeat;
  readonly #refresh: TokenRefresh;

  /**
   * @param ack the ack's payload; without `expiresAt` the connection is never renewed
   * @param clock what earlier connections have shown of the local clock
   * @param listener notified when the server does not answer
   */
  constructor(
    private readonly socket: GuardedSocket,
    private readonly tokens: TokenSource,
    ack: Partial<ConnectionAckPayload> | undefined,
    clock: Clock,
    listener: HeartbeatListener,
  ) {
    this.#heartbeat = new Heartbeat(() => this.#send({ type: 'ping' }), listener);
    this.#refresh = new TokenRefresh(() => void this.#renew(), clock);
    this.#refresh.endsAt(ack?.expiresAt);
  }

  /** Anything was received from the server. */
  heard(): void {
    this.#heartbeat.alive();
  }

  /** A Pong was received; one with `expiresAt` answers a renewal. */
  pong(payload: Partial<RefreshPongPayload> | undefined): void {
    this.#refresh.endsAt(payload?.expiresAt);
  }

  /** The page woke up: checks whether the server answers and whether a renewal is due. */
  check(): void {
    this.#heartbeat.check();
    this.#refresh.check();
  }

  /** Ends timers and requests; returns how long the connection lasted, in ms. @param code with which it was closed */
  end(code: number): number {
    this.#over.abort();
    this.#heartbeat.stop();
    this.#refresh.stop(code === CloseCode.Forbidden);
    return performance.now() - this.#since;
  }

  async #renew(): Promise<void> {
    const token = await this.tokens.next(this.#over.signal);
    if (token === undefined || this.#over.signal.aborted) return;
    if (token === null) return this.socket.signOut();
    const payload: RefreshPingPayload = { token };
    this.#send({ type: 'ping', payload });
  }

  #send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }
}
