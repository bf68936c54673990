import { setTimeout as after } from 'node:timers/promises';
import { buildSchema, type GraphQLFieldResolver, type GraphQLObjectType, type GraphQLSchema } from 'graphql';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BadUserInputError } from '../src/live/errors/sallyport.errors.js';
import { DeliveryGate } from '../src/live/topics/delivery-gate.js';
import { MemoryTopicBus } from '../src/live/store/memory/topic.bus.memory.js';
import type { TopicSink } from '../src/live/topics/topic.bus.js';
import { type Topic, type TopicDefinition, topicOf } from '../src/live/topics/topic.js';
import { TopicStream } from '../src/live/topics/topic-stream.js';
import type { GraphqlContext } from '../src/live/viewer/graphql-context.js';
import { accountViewer } from '../src/identity/sessions/account-viewer.js';
import { Inbox } from '../src/testing/inbox.js';
import { startTwoPaths, type TwoPaths } from './kit/two-paths.js';

const SDL = `
  scalar JSON
  enum Mood { GLAD SAD }
  union Thing = Report | Part
  type Query { none: Int }
  type Part { name: String!, parts: [Part!]! }
  type Report {
    id: ID!  title: String!  body: String  score: Float  mood: Mood!  data: JSON  parts: [Part!]!
    scaled(by: Int! = 2): Float!
    later: String  mine: String!
    failing: String  refusing: String  failingLater: String  failingHard: String!
  }
  type Subscription {
    report: Report!  thing: Thing  number: Int!  doubled: Int!
    counted(to: Int!): Int!  failingSource: Int!
  }`;

const REPORT = {
  __typename: 'Report',
  id: 7,
  title: 'Grüße – "日本"\u2028</script>',
  body: null,
  score: 0.1,
  mood: 'GLAD',
  data: { list: [1, null, 'x'], nested: { deep: true } },
  parts: [
    { name: 'a', parts: [{ name: 'b', parts: [] }] },
    { name: 'c', parts: [] },
  ],
};
const OTHER = { ...REPORT, id: 'eight', title: '', body: 'b', score: -1e21, mood: 'SAD', data: null, parts: [] };

/** A bus that tells when a subscription starts. */
class ObservedBus extends MemoryTopicBus {
  readonly subscribed = new Inbox<string>();

  override async subscribe(topic: Topic, sink: TopicSink, resume?: unknown) {
    const subscription = await super.subscribe(topic, sink, resume);
    this.subscribed.put(topic.name);
    return subscription;
  }
}

const viewer = accountViewer('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002');
const context: GraphqlContext = {
  viewer,
  client: { address: '127.0.0.1', userAgent: null },
  cookies: { sent: undefined, set: () => undefined },
};
const definition = (field: string): TopicDefinition => ({
  name: field,
  field,
  historySize: 5,
  historySeconds: 60,
  onSubscribe: 'nothing',
  slowReader: 'close',
});

let bus: ObservedBus;
let paths: TwoPaths;
beforeAll(async () => {
  bus = new ObservedBus(new DeliveryGate(null, pino({ level: 'silent' })));
  paths = await startTwoPaths(schemaOf(), context);
});
afterEach(() => paths.closeSockets());
afterAll(() => {
  paths.stop();
  bus.beforeApplicationShutdown();
});

describe.each(['interpreted', 'compiled', 'compiled, again'])('an operation that is %s', () => {
  it.each<[what: string, query: string, variables?: Record<string, unknown>]>([
    ['a scalar', 'subscription { number }'],
    ['an alias of the root field', 'subscription { n: number }'],
    ['a root field with a resolver of its own', 'subscription { doubled }'],
    ['a nested selection', 'subscription { report { id title body score mood data parts { name parts { name } } } }'],
    ['aliases and arguments', 'subscription { report { a: scaled b: scaled(by: 3) c: title d: title } }'],
    [
      'variables with and without defaults',
      'subscription R($by: Int!, $other: Int! = 5) { report { a: scaled(by: $by) b: scaled(by: $other) } }',
      { by: 4 },
    ],
    [
      'fragments, named and inline, overlapping',
      `subscription { report { ...A ... on Report { id parts { name } } ...A } }
       fragment A on Report { title parts { ...P } } fragment P on Part { parts { name __typename } }`,
    ],
    [
      '@include and @skip by variables',
      'subscription R($yes: Boolean!, $no: Boolean!) { report { id @include(if: $yes) title @include(if: $no) body @skip(if: $no) mood @skip(if: $yes) } }',
      { yes: true, no: false },
    ],
    ['a union', 'subscription { thing { __typename ... on Report { id } ... on Part { name } } }'],
    ['a resolver that takes its time', 'subscription { report { id later } }'],
    ['a resolver that reads the viewer', 'subscription { report { id mine } }'],
    ['a resolver that fails', 'subscription { report { id failing title } }'],
    ['a resolver that refuses with an error of ours', 'subscription { report { refusing } }'],
    ['a resolver that fails later', 'subscription { report { failingLater id failing } }'],
    ['a field that may not be null and fails', 'subscription { report { id failingHard } }'],
  ])('gives the bytes of graphql-js for %s', async (_what, query, variables) => {
    const inboxes = await subscribeBoth({ query, variables });
    for (const _ of inboxes) await bus.subscribed.take();
    await publish(1, REPORT);
    await publish(-2, OTHER);
    await publish(3, { ...REPORT, mood: 'NEITHER', title: null, data: 'just text' });
    await publish('no number', { __typename: 'Part', name: 'p', parts: null });
    const [pushed = [], expected] = await Promise.all(inboxes.map((inbox) => take(inbox, 4)));
    expect(pushed).toEqual(expected);
    expect(pushed[0]).toMatch(/^\{"id":"an \\"id\\" – ü","type":"next","payload":\{"/);
  });

  it('gives the bytes of graphql-js for a plain async generator, until its end', async () => {
    const query = 'subscription($to: Int!) { counted(to: $to) }';
    const inboxes = await subscribeBoth({ query, variables: { to: 3 } });
    const [pushed = [], expected] = await Promise.all(inboxes.map((inbox) => take(inbox, 4)));
    expect(pushed).toEqual(expected);
    expect(JSON.parse(pushed[3] ?? '')).toMatchObject({ type: 'complete' });
  });

  it.each([
    ['a source that fails', 'subscription { failingSource }', undefined],
    ['a variable of the wrong type', 'subscription($to: Int!) { counted(to: $to) }', { to: 'x' }],
    ['an unknown field', 'subscription { zzzzzzzz }', undefined],
    ['two root fields', 'subscription { number doubled }', undefined],
  ])('gives the bytes of graphql-js for %s', async (_what, query, variables) => {
    const inboxes = await subscribeBoth({ query, variables });
    const [pushed = [], expected] = await Promise.all(inboxes.map((inbox) => take(inbox, 1)));
    expect(pushed).toEqual(expected);
    expect(pushed[0]).toContain('"message":');
  });
});

function subscribeBoth(payload: Record<string, unknown>): Promise<Inbox<string>[]> {
  return Promise.all([paths.subscribe('push', payload), paths.subscribe('reference', payload)]);
}

async function take(inbox: Inbox<string>, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) texts.push(await inbox.take());
  return texts;
}

async function publish(number: unknown, object: unknown): Promise<void> {
  const payloads = { number, doubled: number, report: object, thing: object };
  await bus.publish(Object.entries(payloads).map(([field, payload]) => ({ topic: topicFor(field), payload })));
}

function topicFor(field: string): Topic {
  return topicOf(definition(field), viewer.id);
}

type Resolver = GraphQLFieldResolver<Record<string, unknown>, GraphqlContext, Record<string, number>>;

const REPORT_FIELDS: Record<string, Resolver> = {
  scaled: ({ score }, { by = 1 }) => Number(score) * by,
  later: async ({ title }) => {
    await after(1);
    return title;
  },
  mine: ({ id }, _args, { viewer: asking }) => `${String(id)} of ${asking?.id}`,
  failing: () => {
    throw new Error('not for anybody to see');
  },
  refusing: () => {
    throw new BadUserInputError('title', 'Not this title.');
  },
  failingLater: async () => {
    await after(1);
    throw new Error('not for anybody to see either');
  },
  failingHard: () => {
    throw new Error('nor this');
  },
};

function schemaOf(): GraphQLSchema {
  const schema = buildSchema(SDL);
  const fieldsOf = (type: string) => (schema.getType(type) as GraphQLObjectType).getFields();
  for (const [name, resolve] of Object.entries(REPORT_FIELDS)) fieldsOf('Report')[name]!.resolve = resolve;
  const subscription = fieldsOf('Subscription');
  for (const name of ['report', 'thing', 'number', 'doubled'])
    subscription[name]!.subscribe = () => new TopicStream(bus, topicFor(name));
  subscription['doubled']!.resolve = ({ doubled }: { doubled: number }) => doubled * 2;
  subscription['counted']!.subscribe = async function* (_root, { to }: { to: number }) {
    for (let counted = 1; counted <= to; counted++) yield { counted };
  };
  subscription['failingSource']!.subscribe = () => {
    throw new Error('not for anybody to see');
  };
  return schema;
}
