import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Command } from 'commander';
import { loadEnvFile } from '../config/env-file.js';
import { loadConfig } from '../config/load-config.js';
import { StartError } from '../../live/errors/sallyport.errors.js';
import { redisAnswers } from '../../live/store/redis/open-redis.js';
import { apiKeyCommand } from './api-key.command.js';
import { CliModule } from './cli.module.js';
import type { CliCommand, CliContext } from './command.js';
import { configCommand } from './config.command.js';
import { invitationCommand } from './invitation.command.js';
import { migrateCommand } from './migrate.command.js';
import { publishCommand } from './publish.command.js';
import { secretCommand } from './secret.command.js';
import { seedCommand } from './seed.command.js';
import { sessionsCommand } from './sessions.command.js';
import { userCommand } from './user.command.js';

const COMMANDS: readonly CliCommand[] = [
  migrateCommand,
  userCommand,
  sessionsCommand,
  invitationCommand,
  apiKeyCommand,
  publishCommand,
  seedCommand,
  configCommand,
  secretCommand,
];

const program = new Command('sallyport')
  .description('Administers a Sallyport deployment: schema, accounts, sessions, API keys, events, configuration.')
  .option('--json', 'print the result as one line of JSON')
  .configureHelp({ showGlobalOptions: true });

const context: CliContext = {
  async withStores(action) {
    const outcome = loadConfig();
    if (!outcome.ok) throw new StartError(`the configuration is wrong: ${outcome.faults.join(' ')}`);
    const { store } = outcome.config;
    const hearsNobody = store.kind === 'redis' && !(await redisAnswers(store.url));
    const config = hearsNobody ? { ...outcome.config, store: { kind: 'memory' } as const } : outcome.config;
    const options = { logger: false, abortOnError: false } as const;
    const stores = await NestFactory.createApplicationContext(CliModule.of(config), options);
    try {
      return await action(stores, { hearsNobody });
    } finally {
      await stores.close();
    }
  },
  print(result, text) {
    const { json } = program.opts<{ json?: true }>();
    process.stdout.write(`${json ? JSON.stringify(result) : text}\n`);
  },
};

for (const add of COMMANDS) add(program, context);

try {
  loadEnvFile();
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`sallyport: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
