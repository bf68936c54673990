import pino from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { AuditLog, type AuditRecord } from '../../live/logging/audit-log.js';
import { AuditMetrics } from './audit.metrics.js';
import { AuditRecorder } from './audit-recorder.js';
import type { AuditStore, TimedAuditRecord } from './audit.store.js';

let registry: Registry;
let log: AuditLog;
let recorder: AuditRecorder;
let lines: Record<string, unknown>[];
let stored: (string | null)[];
let fault: (record: AuditRecord) => Error | null;

const store = {
  add: async (events: readonly TimedAuditRecord[]) => {
    for (const { record } of events) {
      const error = fault(record);
      if (error) throw error;
    }
    stored.push(...events.map(({ record }) => record.viewer));
  },
} as unknown as AuditStore;

beforeEach(() => {
  vi.useFakeTimers();
  [registry, lines, stored, fault] = [new Registry(), [], [], () => null];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const logger = pino({ level: 'error' }, { write });
  log = new AuditLog(logger);
  recorder = new AuditRecorder(store, log, new AuditMetrics(registry, logger), { retentionDays: 90 });
  recorder.onModuleInit();
});
afterEach(async () => {
  await recorder.onApplicationShutdown();
  vi.useRealTimers();
});

const record = (viewer: string): void => log.record('registered', { viewer, by: 'owner' });
const dropped = async () => (await registry.getSingleMetric('sallyport_audit_events_dropped_total')!.get()).values[0];

it('drops an event that the database refuses, logs it, and stores the others of its batch', async () => {
  fault = ({ viewer }) => (viewer === 'user:3' ? new Error('invalid byte sequence') : null);
  for (let number = 1; number <= 5; number += 1) record(`user:${number}`);
  await recorder.flush();
  expect(stored).toEqual(['user:1', 'user:2', 'user:4', 'user:5']);
  expect(await dropped()).toMatchObject({ value: 1 });
  expect(lines).toMatchObject([{ event: 'registered', err: { message: 'invalid byte sequence' } }]);
  record('user:6');
  await recorder.flush();
  expect(stored.at(-1)).toBe('user:6');
});

it('keeps events that the database does not take for another reason, and says so once', async () => {
  fault = () => Object.assign(new Error('permission denied for table audit_events'), { code: '42501' });
  for (const viewer of ['user:1', 'user:2', 'user:3']) {
    record(viewer);
    await recorder.flush();
  }
  expect(lines).toMatchObject([{ err: { message: 'permission denied for table audit_events' } }]);
  fault = () => null;
  await recorder.flush();
  expect(stored).toEqual(['user:1', 'user:2', 'user:3']);
});

it('keeps at most 10,000 events while the database is unavailable, those of a failed write among them', async () => {
  fault = () => new UnavailableError();
  for (let number = 1; number <= 10_000; number += 1) record(`user:${number}`);
  const writing = recorder.flush();
  for (let number = 10_001; number <= 10_100; number += 1) record(`user:${number}`);
  await writing;
  expect([await dropped(), lines]).toMatchObject([{ value: 100 }, []]);
  fault = () => null;
  await recorder.flush();
  expect([stored.length, stored[0], stored.at(-1)]).toEqual([10_000, 'user:101', 'user:10100']);
});
