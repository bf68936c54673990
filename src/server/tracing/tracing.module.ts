import { Inject, Module, type OnApplicationShutdown, type Provider } from '@nestjs/common';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { LOGGER } from '../../live/logging/logger.js';
import type { OtlpTracing } from './otlp-tracing.js';
import { TRACING_CONFIG, type TracingConfig } from './tracing.config.js';

/** Injection token of the {@link OtlpTracing}; null without an endpoint. */
const TRACING = Symbol('TRACING');

/** OpenTelemetry's SDK is loaded only where spans are sent somewhere. */
const PROVIDER: Provider = {
  provide: TRACING,
  useFactory: async (config: TracingConfig | null, registry: Registry, logger: Logger): Promise<OtlpTracing | null> => {
    if (config === null) return null;
    const { OtlpTracing } = await import('./otlp-tracing.js');
    return OtlpTracing.start(config, registry, logger);
  },
  inject: [TRACING_CONFIG, Registry, LOGGER],
};

/** Traces by OpenTelemetry: see docs/tracing.md. Does nothing without an endpoint. */
@Module({ providers: [PROVIDER] })
export class TracingModule implements OnApplicationShutdown {
  constructor(@Inject(TRACING) private readonly tracing: OtlpTracing | null) {}

  /** After everything else has stopped, so that its spans are sent too. */
  async onApplicationShutdown(): Promise<void> {
    await this.tracing?.stop();
  }
}
