import 'reflect-metadata';
import type { Logger } from 'pino';
import { loadEnvFile } from './server/config/env-file.js';
import { loadConfig } from './server/config/load-config.js';
import { createApp } from './create-app.js';
import { StartError } from './live/errors/sallyport.errors.js';
import { LOGGER } from './live/logging/logger.js';

/** Starts, listens and drains. If the start fails, prints one line and exits with code 1. */
async function main(): Promise<void> {
  loadEnvFile();
  const outcome = loadConfig();
  if (!outcome.ok)
    throw new StartError(`The configuration is wrong:\n${outcome.faults.map((fault) => `  ${fault}`).join('\n')}`);
  const { http } = outcome.config;
  const app = await createApp(outcome.config);
  app.enableShutdownHooks([], { useProcessExit: true });
  await app.init();
  // Not with app.listen, which would log a failure a second time.
  await app.getHttpAdapter().getInstance().listen({ port: http.port, host: http.host });
  const url = `http://${http.host.includes(':') ? `[${http.host}]` : http.host}:${http.port}`;
  app.get<Logger>(LOGGER).info({ url, publicUrl: http.publicUrl }, 'listening');
  process.stdout.write(`Sallyport is open\n  app       ${http.publicUrl}/\n`);
  if (http.graphiql) process.stdout.write(`  GraphiQL  ${http.publicUrl}/graphiql\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`sallyport: ${explain(error)}\n`);
  process.exit(1);
});

function explain(error: unknown): string {
  const failure = error as NodeJS.ErrnoException;
  if (failure.code === 'EADDRINUSE')
    return `port ${(failure as { port?: number }).port ?? ''} is taken: stop what listens there, or set PORT.`;
  return failure.message;
}
