import { setTimeout as delay } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import { AuditStore, type StoredAuditEvent } from '../../identity/audit/audit.store.js';
import { AUDIT_EVENTS } from '../../live/logging/audit-log.js';
import type { CliCommand } from './command.js';
import { wholeNumber } from './whole-number.js';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;
const limit = wholeNumber(MAX_LIMIT);
const FOLLOW_EVERY_MS = 1_000;
/** Events of several nodes may be stored in another order than that of their ids: so far back is looked again. */
const LOOK_BACK = 1_000;
const YEAR_10_000 = Date.UTC(10_000, 0);
const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

interface Options {
  readonly event?: string;
  readonly viewer?: string;
  readonly since?: Date;
  readonly limit: number;
  readonly follow?: true;
}

/** `audit`: prints stored audit events, the newest last. */
export const auditCommand: CliCommand = (program, context) => {
  program
    .command('audit')
    .option('--event <name>', 'only events of this name', eventName)
    .option('--viewer <id>', 'only events about this viewer')
    .option('--since <time>', 'only events since then: an instant, or a duration such as 30m, 2h or 7d', since)
    .option('--limit <n>', `how many, at most ${MAX_LIMIT}`, limit, DEFAULT_LIMIT)
    .option('--follow', 'keep printing new events')
    .description('print audit events: who did what, from where')
    .action(({ follow, ...query }: Options) =>
      context.withStores(async (stores) => {
        const store = stores.get(AuditStore);
        const found = await store.newest(query);
        if (!follow) {
          context.print(found, found.map(line).join('\n') || 'There are no such events.');
          return;
        }
        const print = (events: readonly StoredAuditEvent[]): void =>
          events.forEach((event) => context.print(event, line(event)));
        print(found);
        await followAfter(
          found,
          // A page holds what is looked at again, and new events.
          (afterId) => store.oldest({ ...query, afterId, limit: LOOK_BACK + MAX_LIMIT }),
          print,
          context.signal,
        );
      }),
    );
};

/** Prints what is stored from now on, each event once, until the signal ends it. */
async function followAfter(
  found: readonly StoredAuditEvent[],
  read: (afterId: number) => Promise<readonly StoredAuditEvent[]>,
  print: (events: readonly StoredAuditEvent[]) => void,
  signal: AbortSignal,
): Promise<void> {
  let newest = found.at(-1)?.id ?? 0;
  let seen = new Set(found.map(({ id }) => id));
  const oldestShown = found[0]?.id ?? 0;
  while (!signal.aborted) {
    await delay(FOLLOW_EVERY_MS, undefined, { signal }).catch(() => {});
    const events = await read(Math.max(newest - LOOK_BACK, oldestShown - 1));
    const fresh = events.filter(({ id }) => !seen.has(id));
    print(fresh);
    newest = Math.max(newest, ...fresh.map(({ id }) => id));
    seen = new Set([...seen, ...fresh.map(({ id }) => id)].filter((id) => id > newest - LOOK_BACK));
  }
}

function line({ at, event, viewer, address, reason, by, details }: StoredAuditEvent): string {
  const more = Object.entries(details as Record<string, unknown>).map(([name, value]) => `${name}=${String(value)}`);
  const facts = [viewer, reason, address && `from ${address}`, `by ${by}`, ...more].filter(Boolean);
  return `${at.toISOString()}  ${event}  ${facts.join('  ')}`;
}

function eventName(text: string): string {
  if (Object.hasOwn(AUDIT_EVENTS, text)) return text;
  throw new InvalidArgumentError(`Give one of ${Object.keys(AUDIT_EVENTS).join(', ')}.`);
}

function since(text: string): Date {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const time = count ? Date.now() - Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS] : Date.parse(text);
  // Also false for text that is no time. PostgreSQL cannot read what JavaScript writes for a year with five digits.
  if (!(time < YEAR_10_000))
    throw new InvalidArgumentError('Give an instant such as 2026-01-31T12:00:00Z, or 30m, 2h, 7d.');
  return new Date(Math.max(0, time));
}
