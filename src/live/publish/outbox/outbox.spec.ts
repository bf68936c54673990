import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import { OpenRanges } from './open-ranges.js';
import { Outbox } from './outbox.js';

const TIDY = 'select sallyport.tidy_outbox()';
const BACKLOG = 'set local statement_timeout = 1000; select waiting, oldest_seconds from sallyport.outbox_backlog()';
const BEAT = 'select 1';

/** What an outbox uses of its connection. */
interface Connection {
  connect(): Promise<void>;
  end(): Promise<void>;
  query(text: string): Promise<unknown>;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** An outbox whose database takes so long for these statements, in milliseconds, and no time for any other. */
async function outboxWith(tookMs: Readonly<Record<string, number>>) {
  const connection = Client.prototype as unknown as Connection;
  vi.spyOn(connection, 'connect').mockResolvedValue();
  const end = vi.spyOn(connection, 'end').mockResolvedValue();
  const sent: string[] = [];
  vi.spyOn(connection, 'query').mockImplementation(async (text) => {
    sent.push(text);
    const ms = tookMs[text];
    if (ms !== undefined) await new Promise((resolve) => setTimeout(resolve, ms));
    return text === BACKLOG ? [{ rows: [] }, { rows: [] }] : { rows: [] };
  });
  const outbox = await Outbox.connect({ url: 'postgres://localhost/test' }, () => {});
  sent.length = 0;
  return { outbox, sent, end };
}

/** What becomes of a call: `pending` until it has ended. */
function outcomeOf(call: Promise<unknown>) {
  const outcome = { is: 'pending', error: undefined as unknown };
  call.then(
    () => (outcome.is = 'done'),
    (error: unknown) => Object.assign(outcome, { is: 'failed', error }),
  );
  return outcome;
}

it.each<[string, string, (outbox: Outbox) => Promise<unknown>]>([
  ['tidying', TIDY, (outbox) => outbox.tidy()],
  ['counting', BACKLOG, (outbox) => outbox.countWaiting()],
])('a heartbeat that waits for a slow %s keeps the connection', async (_, text, start) => {
  const { outbox, sent, end } = await outboxWith({ [text]: 2_600, [BEAT]: 1_400 });
  const calls = [outcomeOf(start(outbox)), outcomeOf(outbox.beat())];
  await vi.advanceTimersByTimeAsync(2_599);
  expect(sent).toEqual([text]);
  await vi.advanceTimersByTimeAsync(1_401);
  expect(sent).toEqual([text, BEAT]);
  expect(calls.map(({ is }) => is)).toEqual(['done', 'done']);
  expect(end).not.toHaveBeenCalled();
});

it.each<[string, string, number, (outbox: Outbox) => Promise<unknown>]>([
  ['heartbeat', BEAT, 1_500, (outbox) => outbox.beat()],
  ['statement about whole tables', TIDY, 3_500, (outbox) => outbox.tidy()],
])('a %s without an answer ends the connection', async (_, text, limitMs, start) => {
  const { outbox, end } = await outboxWith({ [text]: 60_000 });
  const call = outcomeOf(start(outbox));
  await vi.advanceTimersByTimeAsync(limitMs - 1);
  expect([call.is, end.mock.calls.length]).toEqual(['pending', 0]);
  await vi.advanceTimersByTimeAsync(2);
  expect([call.is, end.mock.calls.length]).toEqual(['failed', 1]);
  expect(call.error).toBeInstanceOf(UnavailableError);
});

it('the limit of a heartbeat that had to wait begins when it is sent', async () => {
  const { outbox, end } = await outboxWith({ [TIDY]: 2_600, [BEAT]: 60_000 });
  const tidied = outcomeOf(outbox.tidy());
  const beat = outcomeOf(outbox.beat());
  await vi.advanceTimersByTimeAsync(2_600 + 1_499);
  expect([tidied.is, beat.is, end.mock.calls.length]).toEqual(['done', 'pending', 0]);
  await vi.advanceTimersByTimeAsync(2);
  expect([beat.is, end.mock.calls.length]).toEqual(['failed', 1]);
});

describe('a read that is cut', () => {
  const event = (seq: number, id: number): unknown[] => [
    `${seq}`,
    `${id}`,
    't',
    'v',
    '1',
    null,
    new Date(0),
    true,
    '9',
  ];

  it.each([
    ['leaves a commit that does not fit for the next read', [event(1, 1), event(2, 2), event(2, 3), event(4, 4)], 3],
    ['returns a part of a commit that fits into no read', [event(1, 1), event(1, 2)], 2],
  ])('%s', async (_, found, count) => {
    const { outbox } = await outboxWith({});
    vi.spyOn(Client.prototype as unknown as Connection, 'query').mockResolvedValue({ rows: found });
    const { rows, isCut } = await outbox.read(new OpenRanges());
    expect([rows.length, isCut]).toEqual([count, true]);
  });
});
