import type { Client, FormattedExecutionResult, Sink, SubscribePayload } from 'graphql-ws/client';
import type { NextExtensions, SubscribeExtensions } from '../src/protocol/payload.js';

/** Events of one subscription may have been missed, and will not come. */
export interface Gap {
  /** The subscription, as it was asked for. */
  readonly payload: SubscribePayload;
}

interface ResumablePayload extends SubscribePayload {
  extensions?: (Record<string, unknown> & SubscribeExtensions) | null | undefined;
}

/**
 * Wraps a client's `subscribe` so that each subscription goes on, after a reconnect, behind the last event it has seen.
 *
 * graphql-ws serialises the same payload object at every attempt. The object handed to it is a copy owned here, so this works
 * whatever the caller (Apollo, urql, Relay) does with its own. A caller that kept a cursor may start from it by
 * `extensions.resume`.
 *
 * @param onGap called before the first value that came behind a gap
 */
export function resumingSubscribe(inner: Client, onGap: (gap: Gap) => void): Client['subscribe'] {
  return (payload, sink) => {
    const sent: ResumablePayload = { ...payload };
    return inner.subscribe(sent, {
      next: (result) => {
        const { cursor, recovered } = (result.extensions ?? {}) as NextExtensions;
        if (typeof cursor === 'string') sent.extensions = { ...sent.extensions, resume: cursor };
        if (recovered === false) onGap({ payload });
        if (hasContent(result)) sink.next(result as Parameters<typeof sink.next>[0]);
      },
      error: (error) => sink.error(error),
      complete: () => sink.complete(),
    });
  };
}

function hasContent(result: FormattedExecutionResult<unknown, unknown>): boolean {
  return result.data !== undefined || result.errors !== undefined;
}

/** `Client.iterate` on top of any `subscribe`. Values that come before they are asked for wait in order. */
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
