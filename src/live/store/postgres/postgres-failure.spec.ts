import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import pg from 'pg';
import { expect, it } from 'vitest';
import { databaseFailure, NotConnected, startFault } from './postgres-failure.js';

it('a server that accepts a connection and never answers is unavailable', async () => {
  const accepted: Socket[] = [];
  const server = createServer((socket) => accepted.push(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new pg.Client({ host: '127.0.0.1', port, connectionTimeoutMillis: 20 });
  const failure = await client.connect().then(
    () => null,
    (error: unknown) => databaseFailure(error),
  );
  for (const socket of accepted) socket.destroy();
  server.close();
  expect(failure).toEqual({ kind: 'unavailable', reason: 'connection lost' });
});

it.each(['25P03', '25P04'])('a transaction that PostgreSQL ended after its time (%s) was late', (code) => {
  expect(databaseFailure(Object.assign(new Error('no'), { code }))).toEqual({ kind: 'late', reason: code });
});

it.each(['25006', '53100', '53200', '58000', '58030'])('a server that answers %s takes no writes', (code) => {
  const cause = Object.assign(new Error('no'), { code });
  expect(databaseFailure(new Error('Failed query', { cause }))).toEqual({ kind: 'refused-write', reason: code });
});

it.each([
  ['25006', /^The database at db:5432 takes no writes \(25006\)/],
  ['ECONNREFUSED', /^The database at db:5432 does not answer \(ECONNREFUSED\)/],
])('at the start an operator is told what %s means', (code, message) => {
  expect(startFault(Object.assign(new Error('no'), { code }), 'db:5432')).toMatch(message);
});

it('a missing file that the URL names is no database that does not answer', () => {
  const open = (): pg.Client => new pg.Client({ connectionString: 'postgres://db/d?sslrootcert=/no/such.pem' });
  expect(open).toThrow(expect.toSatisfy((error: unknown) => startFault(error, 'db:5432') === null) as Error);
});

it.each(['28P01', '3D000', '55000', 'CERT_HAS_EXPIRED', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'])(
  'a connection that is refused with %s means an unavailable database, except at the start',
  (code) => {
    const refused = Object.assign(new Error('no'), { code });
    expect(databaseFailure(refused)).toBeNull();
    const error = new Error('Failed query', { cause: new NotConnected(refused) });
    expect(databaseFailure(error)).toEqual({ kind: 'unavailable', reason: code });
    expect(startFault(error, 'db:5432')).toBeNull();
  },
);
