import { type RejectedEvent, RejectedEvents, type RejectedIds } from '../../live/publish/outbox/rejected-events.js';
import { type CliCommand, requireConfig } from './command.js';
import { wholeNumber } from './whole-number.js';

/** The most events that `list` prints. */
const MAX_LISTED = 1_000;
const DEFAULT_LISTED = 100;
const limit = wholeNumber(MAX_LISTED);

interface Chosen {
  readonly all?: boolean;
}

/** `rejected list|retry|clear`: manages events that were published by SQL and refused by their feed. */
export const rejectedCommand: CliCommand = (program, context) => {
  const family = program.command('rejected').description('manage events that were published by SQL and refused');
  family
    .command('list')
    .option('--limit <n>', `how many, at most ${MAX_LISTED}`, limit, DEFAULT_LISTED)
    .description('list them, newest first; with --json also their payloads')
    .action(async (options: { limit: number }) => {
      const events = await RejectedEvents.with(databaseUrl(), (rejected) => rejected.list(options.limit));
      context.print(events, events.map(lineOf).join('\n') || 'There are no rejected events.');
    });
  family
    .command('retry')
    .argument('[ids...]')
    .option('--all', 'all of them')
    .description('publish them again, after what was wrong is corrected')
    .action(async (ids: string[], options: Chosen) => {
      const retried = await RejectedEvents.with(databaseUrl(), (rejected) => rejected.retry(chosen(ids, options)));
      requireAll(ids, retried);
      context.print({ retried }, `Published again: ${retried}.`);
    });
  family
    .command('clear')
    .argument('[ids...]')
    .option('--all', 'all of them')
    .description('delete them')
    .action(async (ids: string[], options: Chosen) => {
      const cleared = await RejectedEvents.with(databaseUrl(), (rejected) => rejected.clear(chosen(ids, options)));
      requireAll(ids, cleared);
      context.print({ cleared }, `Deleted: ${cleared}.`);
    });
};

/** What publishers wrote is quoted: it may contain characters that control a terminal. */
function lineOf({ id, topic, viewer, reason, rejectedAt }: RejectedEvent): string {
  const [shortTopic, shortViewer] = [topic, viewer].map((text) => JSON.stringify(text.slice(0, 100)));
  return `${id}  ${rejectedAt.toISOString()}  ${shortTopic}  ${shortViewer}  ${reason}`;
}

function databaseUrl(): string {
  const { url } = requireConfig().database;
  if (url === null) throw new Error('Set DATABASE_URL: only there can events be published by SQL.');
  return url;
}

/** @throws Error if one of these ids was not found; the others are done */
function requireAll(ids: readonly string[], done: number): void {
  const named = new Set(ids.map(Number)).size;
  if (done < named) throw new Error(`Only ${done} of these ${named} were found, and are done: see rejected list.`);
}

/** Ids beside --all are a mistake, and what is deleted is gone. */
function chosen(ids: readonly string[], { all = false }: Chosen): RejectedIds {
  if (all === ids.length > 0) throw new Error('Name the ids of events, or give --all.');
  if (all) return 'all';
  if (!ids.every((id) => /^\d{1,18}$/.test(id))) throw new Error('An id is a number, as `rejected list` prints it.');
  return ids;
}
