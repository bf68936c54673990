import type { Context } from '@opentelemetry/api';
import {
  BatchSpanProcessor,
  type ReadableSpan,
  type Span,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import type { TraceMetrics } from './trace.metrics.js';

/** The most spans in memory: ended, and not yet sent or given up. About 4 MB. */
export const MAX_WAITING = 2_048;
const BATCH = 512;
const SEND_EVERY_MS = 5_000;
/** How much later than its own limit an export is given up, in milliseconds. */
const GRACE_MS = 500;

type ExportDone = Parameters<SpanExporter['export']>[1];
type ExportResult = Parameters<ExportDone>[0];
/** OpenTelemetry's codes of an export's result. */
const SENT: ExportResult['code'] = 0;
const FAILED: ExportResult['code'] = 1;

/**
 * Sends ended spans in batches. An endpoint that is down, slow or silent costs spans, which are counted, and nothing
 * else: at most {@link MAX_WAITING} spans wait, and each export has a time limit.
 */
export class SpanExports implements SpanProcessor {
  readonly #batches: BatchSpanProcessor;
  #waiting = 0;
  #isFailing = false;

  /** @param limitMs how long one export may take */
  constructor(
    private readonly exporter: SpanExporter,
    private readonly limitMs: number,
    private readonly metrics: TraceMetrics,
    private readonly logger: Logger,
  ) {
    const counted: SpanExporter = {
      export: (spans, done) => this.#export(spans, done),
      shutdown: () => exporter.shutdown(),
    };
    this.#batches = new BatchSpanProcessor({
      exporter: counted,
      maxQueueSize: MAX_WAITING,
      maxExportBatchSize: BATCH,
      scheduledDelayMillis: SEND_EVERY_MS,
      exportTimeoutMillis: limitMs + 2 * GRACE_MS,
    });
  }

  onStart(span: Span, parent: Context): void {
    this.#batches.onStart(span, parent);
  }

  onEnd(span: ReadableSpan): void {
    if (this.#waiting >= MAX_WAITING) return this.metrics.count('dropped', 1);
    this.#waiting++;
    this.#batches.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown();
  }

  #export(spans: ReadableSpan[], done: ExportDone): void {
    let isSettled = false;
    const settle = (result: ExportResult): void => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      this.#settled(spans.length, result);
      done(result);
    };
    const timer = setTimeout(
      () => settle({ code: FAILED, error: new Error('no answer') }),
      this.limitMs + GRACE_MS,
    ).unref();
    this.exporter.export(spans, settle);
  }

  /** Logs the first failure and the recovery: what happens in between is counted. */
  #settled(spans: number, { code, error }: ExportResult): void {
    this.#waiting -= spans;
    const isFailing = code !== SENT;
    this.metrics.count(isFailing ? 'failed' : 'sent', spans);
    if (isFailing && !this.#isFailing)
      this.logger.warn(
        { reason: reasonOf(error), spans },
        'traces could not be sent: they are dropped until they can be',
      );
    if (!isFailing && this.#isFailing) this.logger.info('traces are sent again');
    this.#isFailing = isFailing;
  }
}

/** The status or the error's code: its message may contain what the endpoint answered. */
function reasonOf(error: Error | undefined): string {
  const code: unknown = error && 'code' in error ? error.code : undefined;
  if (typeof code === 'number') return `HTTP status ${code}`;
  return typeof code === 'string' ? code : 'no answer';
}
