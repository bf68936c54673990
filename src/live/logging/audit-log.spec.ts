import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AUDIT_EVENTS, AuditLog } from './audit-log.js';
import { createLogger } from './logger.js';

function recording() {
  const text: string[] = [];
  const logger = createLogger('info', new Writable({ write: (chunk, _, done) => (text.push(String(chunk)), done()) }));
  const lines = () =>
    text
      .join('')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { logger, audit: new AuditLog(logger), lines };
}

afterEach(() => void vi.useRealTimers());

describe('the audit log', () => {
  it('LK-5 writes every event in one format, with the time in UTC', () => {
    const { audit, lines } = recording();
    audit.record('sign-in-failed', { viewer: 'user:1', address: '192.0.2.1', reason: 'wrong-password' });
    audit.record('api-key-created', { by: 'operator', name: 'shop' });
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
    const base = { level: 'info', time };
    expect(lines()).toEqual([
      {
        ...base,
        event: 'sign-in-failed',
        viewer: 'user:1',
        address: '192.0.2.1',
        reason: 'wrong-password',
        by: 'stranger',
        msg: AUDIT_EVENTS['sign-in-failed'],
      },
      {
        ...base,
        event: 'api-key-created',
        viewer: null,
        address: null,
        reason: null,
        by: 'operator',
        name: 'shop',
        msg: AUDIT_EVENTS['api-key-created'],
      },
    ]);
  });

  it('limits the lines of events that unauthenticated clients can cause, and says how many were dropped', () => {
    vi.useFakeTimers();
    const { audit, lines } = recording();
    const flood = (address: string) => audit.record('sign-in-throttled', { address });
    for (let n = 1; n < 1_000; n += 1) flood('192.0.2.1');
    flood('192.0.2.2');
    expect(lines()).toHaveLength(50);
    vi.advanceTimersByTime(10_000);
    expect(lines()).toHaveLength(51);
    expect(lines().at(-1)).toMatchObject({ address: '192.0.2.2', unlogged: 949 });
    expect(vi.getTimerCount()).toBe(0);
    flood('192.0.2.3');
    expect(lines()).toHaveLength(52);
    expect(lines().at(-1)).not.toHaveProperty('unlogged');
  });

  it('tells a counter of each event, and a listener of those that are written, with the time of each', () => {
    vi.useFakeTimers();
    const { audit } = recording();
    const [written, counted]: [[number, number][], string[]] = [[], []];
    audit.listen(({ unlogged = 0 }, at) => void written.push([at.getTime(), unlogged]));
    audit.count((event) => void counted.push(event));
    const start = Date.now();
    for (let n = 0; n < 200; n += 1) audit.store('socket-opened', {});
    expect(counted).toHaveLength(200);
    vi.advanceTimersByTime(10_000);
    expect(written).toEqual(Array.from({ length: 51 }, (_, n) => [start, n === 50 ? 149 : 0]));
  });

  it('writes what waits for the end of a flood before the process ends', () => {
    vi.useFakeTimers();
    const { audit, lines } = recording();
    for (let n = 0; n < 60; n += 1) audit.record('registration-refused', {});
    audit.onApplicationShutdown();
    expect(lines().at(-1)).toMatchObject({ unlogged: 9 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('every audit event is documented', () => {
    const text = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
    const documented = [...text.matchAll(/^\| `([a-z-]+)` \| ([^|]+) \|/gm)].map(([, name, words]) => [name, words]);
    const section = new Map(documented as [string, string][]);
    for (const [name, words] of Object.entries(AUDIT_EVENTS)) expect([name, section.get(name)]).toEqual([name, words]);
  });
});

describe('a log line', () => {
  it('LK-5 stays one line, whatever its values contain', () => {
    const { logger, lines } = recording();
    logger.info({ userAgent: 'x\n{"level":"info"}\r' }, 'refused');
    const [line, ...more] = lines();
    expect(line?.['userAgent']).toBe('x\n{"level":"info"}\r');
    expect(more).toEqual([]);
  });

  it('LK-5 has no character that a terminal or a collector of lines acts on, and keeps its values', () => {
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line: string) => void lines.push(line) });
    const userAgent = '\u001b[2J \u007f \u0085 \u009b2J \u2028 \u2029 é';
    logger.info({ userAgent }, 'refused');
    expect(lines).toEqual([expect.not.stringMatching(/(?!\n$)[\p{Cc}\u2028\u2029]/u)]);
    expect(JSON.parse(lines[0]!)).toMatchObject({ userAgent });
  });
});
