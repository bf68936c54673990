import { ROOT_CONTEXT, type SpanContext, SpanKind } from '@opentelemetry/api';
import { activeTracer, continuing, endSpan } from './tracer.js';

/** How a store is named in spans, by the conventions for databases. */
export interface StoreCall {
  readonly system: 'redis' | 'postgresql';
  readonly operation: string;
  /** The span's name. */
  readonly name: string;
}

/** Something that may belong to a sampled trace. */
interface Traced {
  readonly trace?: SpanContext | undefined;
}

/**
 * Calls the store with a batch, as a span of the first sampled trace in it and with links to the others; without one it
 * only calls.
 */
export async function inStoreSpan<T>(call: StoreCall, batch: readonly Traced[], run: () => Promise<T>): Promise<T> {
  const first = batch.find(({ trace }) => trace !== undefined)?.trace;
  const tracer = first && activeTracer();
  if (!tracer) return run();
  const { system, operation, name } = call;
  const others = new Map(
    batch.flatMap(({ trace }) => (trace && trace.spanId !== first.spanId ? [[trace.spanId, trace]] : [])),
  );
  const span = tracer.startSpan(
    name,
    {
      kind: SpanKind.CLIENT,
      links: [...others.values()].map((context) => ({ context })),
      attributes: { 'db.system.name': system, 'db.operation.name': operation, 'db.operation.batch.size': batch.length },
    },
    continuing(ROOT_CONTEXT, first),
  );
  try {
    const result = await run();
    endSpan(span, {});
    return result;
  } catch (error) {
    endSpan(span, {}, error);
    throw error;
  }
}
