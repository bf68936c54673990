import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, context, type ContextManager, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FeedModule } from '../src/live/feeds/feed.module.js';
import { viewerId } from '../src/live/viewer/external-viewer.js';
import { openSocket } from '../src/testing/live-socket.js';
import { startSallyport } from '../src/testing/start-sallyport.js';
import { OrderStatusFeed } from './kit/host-app/app.js';

/** The parts of OpenTelemetry's context manager for Node that this test needs. */
class Contexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();
  active = (): Context => this.#storage.getStore() ?? ROOT_CONTEXT;
  with: ContextManager['with'] = (active, run, thisArg, ...args) =>
    this.#storage.run(active, () => run.call(thisArg, ...args));
  bind = <T>(_active: Context, target: T): T => target;
  enable = (): this => this;
  disable = (): this => this;
}

/** A broken span processor: its errors must not affect the traced work. */
const failing: SpanProcessor = {
  onStart: () => {},
  onEnd: () => {
    throw new Error('a mistake of the application');
  },
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
};

const exporter = new InMemorySpanExporter();
const spans = (): readonly ReadableSpan[] => exporter.getFinishedSpans();

beforeAll(() => {
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter }), failing] }),
  );
  context.setGlobalContextManager(new Contexts());
});
afterAll(() => {
  trace.disable();
  context.disable();
});

it('an application with its own SDK sees the spans of the module inside of its own', async () => {
  const live = await startSallyport({ imports: [FeedModule.of(OrderStatusFeed)] });
  const viewer = viewerId('app', '42');
  const signed = await live.sallyport.connectionToken({ viewer, session: 'one' });
  const socket = await openSocket(live.url);
  await socket.init({ token: signed?.token ?? '', resumable: true, positions: true });
  await socket.subscribed('1', 'subscription { orderStatus { state } }');
  const own = trace.getTracer('app').startSpan('ship an order');
  const published = await context.with(trace.setSpan(context.active(), own), () =>
    live.sallyport.publishAll(
      Array.from({ length: 40 }, (_, n) => ({
        feed: OrderStatusFeed,
        viewer,
        payload: { order: String(n), state: 'shipped' },
      })),
    ),
  );
  expect(published).toHaveLength(40);
  for (let n = 0; n < 40; n++)
    expect((await socket.waitForNext('1')).data).toEqual({ orderStatus: { state: 'shipped' } });
  await expect.poll(() => spans().filter(({ name }) => name === 'deliver order_status').length).toBe(32);
  const publishing = spans().find(({ name }) => name === 'publish order_status');
  const deliveries = spans().filter(({ name }) => name === 'deliver order_status');
  expect(publishing?.parentSpanContext?.spanId).toBe(own.spanContext().spanId);
  expect(publishing?.attributes['messaging.batch.message_count']).toBe(40);
  for (const { parentSpanContext, links } of deliveries) {
    expect(parentSpanContext?.spanId).toBe(publishing?.spanContext().spanId);
    expect(links.map((link) => link.context.spanId)).toEqual([publishing?.spanContext().spanId]);
  }
  expect(spans().filter(({ name }) => name === 'connection_init')).toHaveLength(1);
  await socket.close();
  await live.stop();
});
