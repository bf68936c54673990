import 'reflect-metadata';
import cluster from 'node:cluster';
import { Registry } from 'prom-client';
import type { Logger } from 'pino';
import type { Config } from './server/config/config.js';
import { loadEnvFile } from './server/config/env-file.js';
import { configurationError, environmentOf, loadConfig } from './server/config/load-config.js';
import { createLogger, LOGGER } from './live/logging/logger.js';
import { prettyDestination } from './server/logging/terminal.js';
import { freeToShare, SHARES_PORT } from './server/workers/shared-port.js';

/** Starts, listens and drains. If the start fails, prints one line and exits with code 1. */
async function main(): Promise<void> {
  // Output that cannot be written, because the reader is gone or the disk is full, is lost; the server goes on.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => {});
  if (cluster.isWorker) return work();
  loadEnvFile();
  const config = await onFreePort(configOf(process.env));
  if (config.workers > 1) return lead(config);
  await serve(config);
  tellOpen(config);
}

/** Leads `WORKERS` workers. What serves is not loaded here. */
async function lead(config: Config): Promise<void> {
  const { Primary } = await import('./server/workers/primary.js');
  const { level } = config.logging;
  const logger = createLogger(level, await prettyDestination(config.http.production), { primary: process.pid });
  await new Primary(config, environmentOf(config), logger, () => tellOpen(config)).run();
}

/** Serves as one of several workers. */
async function work(): Promise<void> {
  const { PrimaryChannel } = await import('./server/workers/primary-channel.js');
  const channel = new PrimaryChannel();
  const { metrics, logging, ...others } = configOf(await channel.environment());
  const facts = { worker: Number(process.argv[3]), pid: process.pid };
  const registry = await serve(
    {
      ...others,
      elsewhere: channel.elsewhere,
      metrics: { ...metrics, port: null, page: channel },
      logging: { ...logging, facts },
    },
    SHARES_PORT,
  );
  channel.serves(registry);
}

function configOf(env: Readonly<Record<string, string | undefined>>): Config {
  const outcome = loadConfig(env);
  if (outcome.ok) return outcome.config;
  throw configurationError(outcome.faults);
}

/** Replaces a `PORT` of 0 by one that is free, since the default of `PUBLIC_URL`, which pages come from, names it. */
async function onFreePort(config: Config): Promise<Config> {
  const { port, host } = config.http;
  return port === 0 ? configOf({ ...process.env, PORT: String(await freeToShare(port, host)) }) : config;
}

/**
 * The most connections that may wait to be accepted. When another node restarts, thousands come at once, and one that
 * finds no room tries again only after 1, 2 and 4 seconds. Linux allows no more than `net.core.somaxconn`.
 */
const BACKLOG = 4_096;

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** While the server waits for its stores: without a handler, the first process of a container ignores the signal. */
function endAtOnce(_signal: NodeJS.Signals, number: number): void {
  process.exit(128 + number);
}

/**
 * Serves until a signal. Resolves when it listens, with the metrics.
 *
 * @param options more options of `listen`
 */
async function serve(config: Config, options: object = {}): Promise<Registry> {
  for (const signal of STOP_SIGNALS) process.once(signal, endAtOnce);
  const { createApp } = await import('./create-app.js');
  const { http } = config;
  const app = await createApp(config);
  for (const signal of STOP_SIGNALS) process.off(signal, endAtOnce);
  app.enableShutdownHooks([], { useProcessExit: true });
  await app.init();
  // Not with app.listen, which would log a failure a second time.
  await app
    .getHttpAdapter()
    .getInstance()
    .listen({ port: http.port, host: http.host, backlog: BACKLOG, ...options });
  const url = `http://${http.host.includes(':') ? `[${http.host}]` : http.host}:${http.port}`;
  app.get<Logger>(LOGGER).info({ url, publicUrl: http.publicUrl }, 'listening');
  return app.get(Registry);
}

/** Prints the URLs. In production only to a terminal, because the log has them, and is JSON. */
function tellOpen({ http, workers }: Config): void {
  if (http.production && !process.stdout.isTTY) return;
  process.stdout.write(`Sallyport is open\n  app       ${http.publicUrl}/\n`);
  if (http.graphiql) process.stdout.write(`  GraphiQL  ${http.publicUrl}/graphiql\n`);
  if (workers > 1) process.stdout.write(`  workers   ${workers}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`sallyport: ${explain(error)}\n`);
  process.exit(1);
});

function explain(error: unknown): string {
  const { code = '', syscall = '', message, port = '' } = error as NodeJS.ErrnoException & { port?: number };
  if (!/^(?:listen|getaddrinfo)$/.test(syscall)) return message;
  if (code === 'EADDRINUSE') return `port ${port} is taken: stop what listens there, or set PORT.`;
  if (code === 'EACCES')
    return `PORT cannot be used (${code}): set one above 1023, or give this process the right to it.`;
  return `HOST cannot be used (${code}): set an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them.`;
}
