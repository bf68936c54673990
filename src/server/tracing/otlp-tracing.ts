import { randomUUID } from 'node:crypto';
import { context, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { within } from '../../live/deadline.js';
import { VERSION } from '../version.js';
import { RequestContexts } from './request-contexts.js';
import { SpanExports } from './span-exports.js';
import { TraceMetrics } from './trace.metrics.js';
import type { TracingConfig } from './tracing.config.js';

/** How long a shutdown waits until the last spans are sent, in milliseconds. */
const STOP_MS = 3_000;
/** Exports under way at once, each of one batch. */
const MAX_EXPORTS = 4;
/** The longest text of an attribute, in characters: names that clients choose are cut earlier. */
const MAX_TEXT = 256;

/**
 * OpenTelemetry's SDK in the stand-alone server: spans are sampled, collected and sent to an endpoint with OTLP. This
 * module is loaded only if there is one.
 */
export class OtlpTracing {
  private constructor(private readonly provider: TracerProvider) {}

  /**
   * Registers the SDK for this process. Null if another one was registered before, such as by `node --import`: it then
   * gets the spans, by its own settings.
   */
  static start(config: TracingConfig, registry: Registry, logger: Logger): OtlpTracing | null {
    const { url, headers, timeoutMs } = config;
    const exporter = new OTLPTraceExporter({
      url,
      headers: { ...headers },
      timeoutMillis: timeoutMs,
      concurrencyLimit: MAX_EXPORTS,
    });
    const provider = new TracerProvider({
      sampler: samplerOf(config),
      resource: resourceFromAttributes({
        'service.instance.id': randomUUID(),
        'service.version': VERSION,
        ...config.attributes,
        'service.name': config.serviceName,
      }),
      spanLimits: { attributeValueLengthLimit: MAX_TEXT },
      spanProcessors: [new SpanExports(exporter, timeoutMs, new TraceMetrics(registry), logger)],
    });
    if (!trace.setGlobalTracerProvider(provider)) {
      void provider.shutdown().catch(() => {});
      return null;
    }
    context.setGlobalContextManager(new RequestContexts());
    return new OtlpTracing(provider);
  }

  /** Sends what waits, at most for 3 seconds. */
  async stop(): Promise<void> {
    trace.disable();
    context.disable();
    await within(
      STOP_MS,
      this.provider.shutdown().catch(() => {}),
      undefined,
    );
  }
}

function samplerOf({ sampler, ratio }: TracingConfig): Sampler {
  const root = rootOf(sampler.replace('parentbased_', ''), ratio);
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

function rootOf(name: string, ratio: number): Sampler {
  if (name === 'always_on') return new AlwaysOnSampler();
  return name === 'always_off' ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio);
}
