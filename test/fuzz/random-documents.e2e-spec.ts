import { GraphQLSchemaHost } from '@nestjs/graphql';
import { GraphQLError, type GraphQLSchema } from 'graphql';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DeliveryGate } from '../../src/live/topics/delivery-gate.js';
import { MemoryTopicBus } from '../../src/live/store/memory/topic.bus.memory.js';
import { topicOf } from '../../src/live/topics/topic.js';
import { TopicStream } from '../../src/live/topics/topic-stream.js';
import { accountViewer } from '../../src/identity/sessions/account-viewer.js';
import { startServer, type TestServer } from '../kit/server.js';
import { Random } from '../kit/random.js';
import { randomDocument } from './random-document.js';
import { randomPayload } from './random-payload.js';
import { richSchema } from './rich-schema.js';
import { type Outcome, TwoExecutors } from './two-executors.js';

/** Documents per schema: half of the total, which `npm run fuzz -- --documents N` sets. */
const DOCUMENTS = Number(process.env['FUZZ_DOCUMENTS'] ?? 2000) / 2;
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const EVENTS = 3;
const TIMEOUT_MS = 30_000;
const MINUTES = Math.max(5, DOCUMENTS / 200);

const viewer = accountViewer('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002');
const context = {
  viewer,
  client: { address: '127.0.0.1', userAgent: null },
  cookies: { sent: undefined, set: () => undefined },
};

/**
 * When an item of a list throws, graphql-js 16 leaves the promises of earlier items unhandled. Their rejections are expected here;
 * all others go to Vitest as usual.
 */
function forwardingTo(listeners: readonly NodeJS.UnhandledRejectionListener[]): NodeJS.UnhandledRejectionListener {
  return (reason, promise) => {
    // GraphQL errors with a path come from execution; their stack is that of the original error.
    const isOfGraphqlJs = reason instanceof GraphQLError && reason.path !== undefined;
    if (!isOfGraphqlJs) for (const listener of listeners) listener(reason, promise);
  };
}

const ofVitest = process.listeners('unhandledRejection');
const listener = forwardingTo(ofVitest);
let server: TestServer;
beforeAll(async () => {
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', listener);
  server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600' } });
  console.log(`random documents: seed ${SEED}, ${DOCUMENTS} over each schema`);
});
afterAll(async () => {
  await server.stop();
  process.off('unhandledRejection', listener);
  for (const one of ofVitest) process.on('unhandledRejection', one);
});

it(
  "delivers the results of graphql-js for random documents over the server's schema",
  () => compareAll(server.app.get(GraphQLSchemaHost, { strict: false }).schema, SEED),
  MINUTES * 60_000,
);

it(
  'delivers the results of graphql-js for random documents over a schema with every feature',
  async () => {
    const bus = new MemoryTopicBus(new DeliveryGate(null, pino({ level: 'silent' })));
    const schema = richSchema();
    for (const [name, field] of Object.entries(schema.getSubscriptionType()!.getFields())) {
      field.subscribe = () => new TopicStream(bus, topicOf(definition(name), viewer.id));
    }
    await compareAll(schema, SEED + 1);
    bus.beforeApplicationShutdown();
  },
  MINUTES * 60_000,
);

async function compareAll(schema: GraphQLSchema, seed: number): Promise<void> {
  const executors = new TwoExecutors(schema, context);
  const outcomes = new Map<Outcome, number>();
  for (let index = 0; index < DOCUMENTS; index++) {
    const random = new Random(seed + index * 7919);
    const document = randomDocument(schema, random);
    const type = schema.getSubscriptionType()!.getFields()[document.field]!.type;
    const payloads = Array.from({ length: EVENTS }, () => randomPayload(schema, type, random));
    try {
      const outcome = await inTime(executors.compare(document, payloads));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    } catch (error) {
      const variables = JSON.stringify(document.variables);
      throw new Error(`seed ${SEED}, document ${index}: ${document.query}\n${variables}\n${String(error)}`, {
        cause: error,
      });
    }
  }
  console.log(Object.fromEntries(outcomes));
  // The comparison is meaningful only if events are delivered.
  expect(outcomes.get('delivered') ?? 0).toBeGreaterThan(DOCUMENTS / 2);
}

/** Fails when a document hangs, so that its seed and text are reported. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no outcome within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function definition(field: string) {
  const kind = { onSubscribe: 'nothing', slowReader: 'close' } as const;
  return { name: field, field, historySize: 5, historySeconds: 60, ...kind };
}
