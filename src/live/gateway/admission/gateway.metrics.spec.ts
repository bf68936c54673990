import { pino } from 'pino';
import { expect, it } from 'vitest';
import { AuditLog } from '../../logging/audit-log.js';
import { MetricsRegistry } from '../../metrics-registry.js';
import type { Connection } from '../connection/connection.js';
import { GatewayMetrics } from './gateway.metrics.js';

it('LK-5 each line about a socket, and each event of the audit log, has at most 200 characters of its origin', () => {
  const written: { readonly origin?: string | null }[] = [];
  const logger = pino({}, { write: (line: string) => written.push(JSON.parse(line) as object) });
  const audit = new AuditLog(logger);
  audit.listen((record) => written.push(record));
  const metrics = new GatewayMetrics(new MetricsRegistry(), audit, logger);
  const facts = { address: '::1', userAgent: null, origin: `https://${'a'.repeat(10_000)}.example`, requestId: '1' };
  const connection = { viewerId: null, closeCode: null, facts } as unknown as Connection;
  metrics.upgradeRefused({ status: 403, message: 'Use wss.' }, facts);
  metrics.tokenRefused('invalid', facts);
  metrics.admitted(connection);
  metrics.closed(connection, 1000);
  expect(written.map(({ origin }) => origin?.length)).toEqual([200, 200, 200, 200, 200, 200]);
});
