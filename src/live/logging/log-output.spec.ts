import { closeSync, openSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { LogOutput } from './log-output.js';

const FD = 1;

type Done = (error: Error | null, written: number) => void;

/** An output whose writes are answered by the test. */
function output() {
  const writes: Array<{ readonly text: string; readonly done: Done }> = [];
  const log = new LogOutput(FD, (_, chunk, done) => void writes.push({ text: String(chunk), done }));
  return { log, writes, texts: () => writes.map(({ text }) => text) };
}

afterEach(() => void vi.useRealTimers());

it('lines that come during a write are written together after it', () => {
  const { log, writes, texts } = output();
  for (const line of ['a\n', 'b\n', 'c\n']) log.write(line);
  expect(texts()).toEqual(['a\n']);
  writes[0]?.done(null, 2);
  expect(texts()).toEqual(['a\n', 'b\nc\n']);
  writes[1]?.done(null, 4);
  expect(texts()).toHaveLength(2);
});

it('the rest of a line that was written in part follows', () => {
  const { log, writes, texts } = output();
  log.write('one line\n');
  writes[0]?.done(null, 4);
  expect(texts()).toEqual(['one line\n', 'line\n']);
});

it('a write that fails is tried again, before later lines', () => {
  vi.useFakeTimers();
  const { log, writes, texts } = output();
  log.write('a\n');
  writes[0]?.done(new Error('ENOSPC'), 0);
  log.write('b\n');
  expect(texts()).toEqual(['a\n']);
  vi.advanceTimersToNextTimer();
  writes[1]?.done(null, 2);
  expect(texts()).toEqual(['a\n', 'a\n', 'b\n']);
});

it('a log that nobody reads takes at most 4 MiB of memory', () => {
  const { log, writes, texts } = output();
  const line = `${'x'.repeat(1023)}\n`;
  for (let count = 0; count < 5_000; count++) log.write(line);
  writes[0]?.done(null, line.length);
  expect(texts()[1]).toHaveLength(4 * 1024 * 1024);
});

it.runIf(process.platform === 'linux')('the last lines are given up if they cannot be written', () => {
  const full = openSync('/dev/full', 'w');
  const log = new LogOutput(full, () => {});
  log.write('a\n');
  log.write('b\n');
  log.flush();
  closeSync(full);
});
