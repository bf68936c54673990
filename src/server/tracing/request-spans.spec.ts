import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { trace } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseAddressRanges } from '../../live/viewer/client-address.js';
import { RequestSpans } from './request-spans.js';

const exported = new InMemorySpanExporter();
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

beforeEach(() => {
  const sampler = new ParentBasedSampler({ root: new AlwaysOffSampler() });
  const spanProcessors = [new SimpleSpanProcessor({ exporter: exported })];
  trace.setGlobalTracerProvider(new TracerProvider({ sampler, spanProcessors }));
});
afterEach(() => {
  trace.disable();
  exported.reset();
});

/** Handles requests whose senders ask for a recording; how many were recorded. */
async function recorded(
  spans: RequestSpans,
  times: number,
  peer: string,
  more: Partial<IncomingMessage> = {},
): Promise<number> {
  for (let time = 0; time < times; time++) {
    const request = {
      method: 'GET',
      url: '/',
      headers: { traceparent: TRACEPARENT },
      socket: { remoteAddress: peer },
      ...more,
    };
    const response = Object.assign(new EventEmitter(), { statusCode: 200, headersSent: true, writableFinished: true });
    spans.begin(request as unknown as IncomingMessage, response as unknown as ServerResponse, 'id');
    response.emit('close');
  }
  await new Promise((resolve) => setImmediate(resolve));
  return exported.getFinishedSpans().length;
}

it('strangers have at most 100 requests a second recorded, whatever the sampler', async () => {
  expect(await recorded(new RequestSpans([]), 1_000, '192.0.2.1')).toBeLessThanOrEqual(200);
  expect(exported.getFinishedSpans().length).toBeGreaterThanOrEqual(100);
});

it('trusted proxies have any number recorded', async () => {
  const spans = new RequestSpans(parseAddressRanges(['192.0.2.0/24']));
  expect(await recorded(spans, 1_000, '192.0.2.1')).toBe(1_000);
});

it.each(['', 'nonsense', `${TRACEPARENT}-x`])('a malformed traceparent is as none: %j', async (traceparent) => {
  expect(await recorded(new RequestSpans([]), 1, '192.0.2.1', { headers: { traceparent } })).toBe(0);
});

it.each(['/healthz', '/readyz', '/metrics'])('a request to %s is not recorded', async (url) => {
  expect(await recorded(new RequestSpans([]), 1, '192.0.2.1', { url })).toBe(0);
});

it('a method that is unknown is not named', async () => {
  await recorded(new RequestSpans([]), 1, '192.0.2.1', { method: 'SECRET' });
  const [span] = exported.getFinishedSpans();
  expect(span).toMatchObject({ name: 'HTTP', attributes: { 'http.request.method': '_OTHER' } });
});
