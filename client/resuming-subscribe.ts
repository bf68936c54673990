import type { Client, FormattedExecutionResult, Sink, SubscribePayload } from 'graphql-ws';
import type { NextExtensions, PositionPingPayload, SubscribeExtensions } from '../src/protocol/payload.js';

/** Events of one subscription may have been missed and will not be delivered. */
export interface Gap {
  /** The payload of the subscription. */
  readonly payload: SubscribePayload;
}

interface ResumablePayload extends SubscribePayload {
  extensions?: (Record<string, unknown> & SubscribeExtensions) | null | undefined;
}

/**
 * Resumes each subscription after a reconnect, after the last event that it received.
 *
 * graphql-ws serialises the same payload object at every attempt. It gets a copy that is owned here, so this works
 * whatever the caller (Apollo, urql, Relay) does with its own object. A caller that has a cursor may start from it with
 * `extensions.resume`.
 */
export class Resumption {
  /** By operation id. */
  readonly #running = new Map<string, Resumable>();

  /** @param onGap called once per loss, before the first event after it */
  constructor(private readonly onGap: (gap: Gap) => void) {}

  /** Records the id that graphql-ws uses for a payload of {@link subscribe}. */
  named(payload: SubscribePayload, id: string): string {
    const running = resumables.get(payload);
    if (!running) return id;
    running.id = id;
    this.#running.set(id, running);
    return id;
  }

  /** Handles the server's Ping with the start position of a subscription without an event. Other Pings are ignored. */
  positioned(payload: Partial<PositionPingPayload> | undefined): void {
    const running = this.#running.get(payload?.operation ?? '');
    if (!running) return;
    running.gapReported = false;
    this.#learn(running, payload ?? {});
  }

  /** `Client.subscribe`, resuming. */
  subscribe<Data, Extensions>(
    inner: Client,
    payload: SubscribePayload,
    sink: Sink<FormattedExecutionResult<Data, Extensions>>,
  ): () => void {
    const sent: ResumablePayload = { ...payload };
    const running: Resumable = { id: '', asked: payload, sent, gapReported: false };
    resumables.set(sent, running);
    const over = (): void => void this.#running.delete(running.id);
    const unsubscribe = inner.subscribe<Data, Extensions>(sent, {
      next: (result) => {
        this.#learn(running, result.extensions ?? {});
        running.gapReported = false;
        sink.next(result);
      },
      error: (error) => (over(), sink.error(error)),
      complete: () => (over(), sink.complete()),
    });
    return () => (over(), unsubscribe());
  }

  #learn(running: Resumable, { cursor, recovered }: NextExtensions): void {
    if (typeof cursor === 'string') running.sent.extensions = { ...running.sent.extensions, resume: cursor };
    if (recovered !== false || running.gapReported) return;
    running.gapReported = true;
    this.onGap({ payload: running.asked });
  }
}

interface Resumable {
  id: string;
  readonly asked: SubscribePayload;
  readonly sent: ResumablePayload;
  /** The server's Ping already reported the loss; the first Next repeats it. */
  gapReported: boolean;
}

const resumables = new WeakMap<SubscribePayload, Resumable>();

/** `Client.iterate` on top of any `subscribe`. Values that arrive before they are requested wait in order. */
export function iterateOver(subscribe: Client['subscribe']): Client['iterate'] {
  return <Data, Extensions>(payload: SubscribePayload) => {
    type Value = FormattedExecutionResult<Data, Extensions>;
    const pending: Value[] = [];
    let failure: { readonly error: unknown } | undefined;
    let done = false;
    let wake = (): void => {};
    const finish = (error?: { readonly error: unknown }): void => {
      failure = error;
      done = true;
      wake();
    };
    const sink: Sink<Value> = {
      next: (value) => {
        pending.push(value);
        wake();
      },
      error: (error) => finish({ error }),
      complete: () => finish(),
    };
    const unsubscribe = subscribe<Data, Extensions>(payload, sink);
    async function* values(): AsyncGenerator<Value, undefined> {
      for (;;) {
        if (pending.length === 0 && !done) await new Promise<void>((resolve) => (wake = resolve));
        for (let value = pending.shift(); value; value = pending.shift()) yield value;
        if (failure) throw failure.error;
        if (done) return undefined;
      }
    }
    const iterator = values();
    const leave = async (): Promise<IteratorReturnResult<undefined>> => {
      unsubscribe();
      return { done: true, value: undefined };
    };
    return Object.assign(iterator, { return: leave, throw: leave });
  };
}
