import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { StartError, UnavailableError } from '../../live/errors/sallyport.errors.js';
import { LOGGER } from '../../live/logging/logger.js';
import { METRICS_CONFIG, type MetricsConfig } from './metrics.config.js';
import { MetricsPage } from './metrics-page.js';

/** How long a scraper may take to send its request, and the most connections at once: it needs one. */
const REQUEST_WITHIN_MS = 5_000;
const MAX_CONNECTIONS = 16;

/** Serves `GET /metrics`, and nothing else, on `METRICS_PORT`, which need not be reachable from where clients are. */
@Injectable()
export class MetricsServer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #server: Server | null = null;

  constructor(
    private readonly page: MetricsPage,
    @Inject(METRICS_CONFIG) private readonly config: MetricsConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** The port that it listens on; null without `METRICS_PORT`. */
  get port(): number | null {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : null;
  }

  /** @throws StartError when the port is in use; the system's error when the host is none of this machine */
  async onApplicationBootstrap(): Promise<void> {
    const { port, host } = this.config;
    if (port === null) return;
    const server = createServer({ requestTimeout: REQUEST_WITHIN_MS, headersTimeout: REQUEST_WITHIN_MS }, (...both) => {
      void this.#answer(...both);
    });
    server.maxConnections = MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        // Anything else is wrong with the host, which the server itself listens on too.
        reject(
          error.code === 'EADDRINUSE' || error.code === 'EACCES'
            ? new StartError(`METRICS_PORT ${port} cannot be used (${error.code}): set another.`)
            : error,
        ),
      );
      server.listen(port, host, resolve);
    });
    server.on('error', (error) => this.logger.warn({ err: error }, 'the metrics server failed'));
    this.#server = server;
  }

  /** Scrapes are answered until the sockets have drained. */
  async beforeApplicationShutdown(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = null;
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  }

  async #answer({ method, url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
    const isRead = method === 'GET' || method === 'HEAD';
    if (url.split('?', 1)[0] !== '/metrics' || !isRead) {
      response.writeHead(404).end();
      return;
    }
    const text = await this.page.text().catch((error: unknown) => {
      if (!(error instanceof UnavailableError)) this.logger.error({ err: error }, 'the metrics could not be gathered');
      return null;
    });
    if (text === null) {
      response.writeHead(503).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': Registry.PROMETHEUS_CONTENT_TYPE, 'Cache-Control': 'no-store' });
    response.end(method === 'HEAD' ? '' : text);
  }
}
