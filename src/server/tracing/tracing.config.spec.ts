import { expect, it } from 'vitest';
import { loadConfig } from '../config/load-config.js';
import { parseHeaders, parsePairs } from './tracing.config.js';

const SECRET_KEYS = 'kX7pQ2vT9mB4nZ6rW8yC1dF3gH5jL0sA';
const read = (env: Record<string, string>) => {
  const outcome = loadConfig({ SECRET_KEYS, ...env });
  return outcome.ok ? outcome.config.tracing : outcome.faults;
};

it.each([
  ['', {}],
  ['a=b', { a: 'b' }],
  [' a = b , c=d%2Ce=f ,', { a: 'b', c: 'd,e=f' }],
  ['a=', { a: '' }],
])('pairs are read from %j', (text, pairs) => {
  expect(parsePairs(text)).toEqual(pairs);
});

it.each(['a', '=b', 'a b=c', 'a=%', 'a=%0d%0ab'])('pairs are refused: %j', (text) => {
  expect(parsePairs(text)).toBeNull();
});

it('a header has only characters that every server accepts', () => {
  expect(parseHeaders('a=%C3%BC')).toBeNull();
  expect(parseHeaders('authorization=Bearer%20x')).toEqual({ authorization: 'Bearer x' });
});

it('there are no traces without an endpoint, or when the SDK is disabled', () => {
  expect(read({ OTEL_SERVICE_NAME: 'x' })).toBeNull();
  for (const OTEL_SDK_DISABLED of ['true', 'TRUE'])
    expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_SDK_DISABLED })).toBeNull();
});

it.each([
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, 'http://c:4318/v1/traces'],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/base/' }, 'http://c:4318/base/v1/traces'],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://t/x' }, 'https://t/x'],
])('spans are sent to the path that OTLP defines, or to the URL for traces: %j', (env, url) => {
  expect(read(env as Record<string, string>)).toMatchObject({ url });
});

it('the name of the service comes from its own variable, then from the attributes', () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' };
  const attributes = { ...endpoint, OTEL_RESOURCE_ATTRIBUTES: 'service.name=a,team=b' };
  expect(read(endpoint)).toMatchObject({ serviceName: 'sallyport', sampler: 'parentbased_always_on', ratio: 1 });
  expect(read(attributes)).toMatchObject({ serviceName: 'a', attributes: { team: 'b' } });
  expect(read({ ...attributes, OTEL_SERVICE_NAME: 'c' })).toMatchObject({ serviceName: 'c' });
});

it('every invalid variable is reported by name, without its value', () => {
  const faults = read({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://secret@c',
    OTEL_EXPORTER_OTLP_HEADERS: 'secret',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_EXPORTER_OTLP_TIMEOUT: '1.5',
    OTEL_TRACES_SAMPLER: 'secret',
    OTEL_TRACES_SAMPLER_ARG: '2',
  }) as readonly string[];
  expect(faults.map((fault) => fault.split(':')[0])).toEqual([
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'OTEL_EXPORTER_OTLP_HEADERS',
    'OTEL_EXPORTER_OTLP_PROTOCOL',
    'OTEL_EXPORTER_OTLP_TIMEOUT',
    'OTEL_TRACES_SAMPLER',
    'OTEL_TRACES_SAMPLER_ARG',
  ]);
  expect(faults.join()).not.toContain('secret');
});
