import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { loadEnvFile } from '../config/env-file.js';
import { redisAnswers } from '../../live/store/redis/open-redis.js';
import { askPassword } from './ask-password.js';
import { CliModule } from './cli.module.js';
import { runByServer } from './cli-socket.client.js';
import { type CliContext, requireConfig } from './command.js';
import { type CliOutput, RanElsewhere, runCommand } from './program.js';

const args = process.argv.slice(2);
/** What was asked for before the stores were needed; a server that runs the command needs it too. */
const answers: string[] = [];
const output: CliOutput = {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
};

/** Aborted when the output cannot be written any more, such as by `| head`. */
const unwritten = new AbortController();
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => {
    process.exitCode = 1;
    if (unwritten.signal.aborted) return;
    unwritten.abort();
    // Who has closed a pipe does not want to read more.
    if (code !== 'EPIPE') output.error(`sallyport: The output cannot be written (${code}).\n`);
  });
}

const context: Omit<CliContext, 'print'> = {
  async withStores(action, { alone = false } = {}) {
    const given = requireConfig();
    const { store, database } = given;
    if (database.url === null && !alone) {
      const exitCode = await runByServer(database.dataDir, { args, answers }, output, unwritten.signal);
      if (exitCode !== null) throw new RanElsewhere(exitCode);
    }
    const isRedisGone = store.kind === 'redis' && !(await redisAnswers(store.url));
    // A server's memory cannot be reached from here.
    const nodesUnreachable = isRedisGone || (store.kind === 'memory' && database.url !== null);
    const config = isRedisGone ? { ...given, store: { kind: 'memory' } as const } : given;
    const options = { logger: false, abortOnError: false } as const;
    const stores = await NestFactory.createApplicationContext(CliModule.of(config), options);
    try {
      return await action(stores, { nodesUnreachable });
    } finally {
      await stores.close();
    }
  },
  signal: unwritten.signal,
  async ask(question) {
    const answer = await askPassword(question);
    answers.push(answer);
    return answer;
  },
};

try {
  loadEnvFile();
  const exitCode = await runCommand(args, context, output);
  process.exitCode ||= exitCode;
} catch (error) {
  output.error(`sallyport: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
// Of several stores, those that did open keep the process alive when another one could not.
if (process.exitCode !== 0) process.exit();
