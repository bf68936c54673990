import { expect, it } from 'vitest';
import { databasePlace, isPostgresUrl } from './postgres-url.js';

it.each([
  ['postgres://user:unguessable@host:5432/database', 'host:5432/database'],
  ['postgresql://user:unguessable@host/database?sslmode=verify-full', 'host/database'],
  ['postgres:///database?host=/run/postgresql', '/run/postgresql/database'],
  ['postgres://user:unguessable@/database?host=/run/postgresql', '/run/postgresql/database'],
  ['postgres://user:unguessable@/database?application_name=a&host=/run/postgresql', '/run/postgresql/database'],
])('%s is a URL, and %s what operators see of it', (url, place) => {
  expect(isPostgresUrl(url)).toBe(true);
  expect(databasePlace(url)).toBe(place);
});

it.each(['mysql://user@host/database', 'postgres://user@/database', 'postgres://user@host:port/database', ''])(
  '%j is no URL of PostgreSQL',
  (text) => expect(isPostgresUrl(text)).toBe(false),
);
