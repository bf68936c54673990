import { buildSchema, type GraphQLSchema } from 'graphql';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { accountViewer } from '../../src/identity/sessions/account-viewer.js';
import { MemoryTopicBus } from '../../src/live/store/memory/topic.bus.memory.js';
import { DeliveryGate } from '../../src/live/topics/delivery-gate.js';
import { type TopicDefinition, topicOf } from '../../src/live/topics/topic.js';
import { TopicStream } from '../../src/live/topics/topic-stream.js';
import type { GraphqlContext } from '../../src/live/viewer/graphql-context.js';
import type { ViewerId } from '../../src/live/viewer/viewer.js';
import { startTwoPaths, type TwoPaths } from '../kit/two-paths.js';
import { Random } from '../kit/random.js';

const CONVERSATIONS = 300;
const MESSAGES = 20;
const AT_ONCE = 20;
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const MINUTES = 3;

const SDL = `
  type Query { none: Int }
  type Subscription { number(of: String!): Int!  counted(to: Int!): Int!  failing: Int!  failingLater: Int! }`;

const PING = JSON.stringify({ type: 'ping' });
const PONG = JSON.stringify({ type: 'pong' });
const CLOSED = /^\d{4} /;

const viewer = accountViewer('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002');
const context: GraphqlContext = {
  viewer,
  client: { address: '127.0.0.1', userAgent: null },
  cookies: { sent: undefined, set: () => undefined },
};
const definition: TopicDefinition = {
  name: 'number',
  field: 'number',
  historySize: 1,
  historySeconds: 60,
  onSubscribe: 'nothing',
  slowReader: 'close',
};

type Socket = Awaited<ReturnType<TwoPaths['connect']>>;

let bus: MemoryTopicBus;
let paths: TwoPaths;
beforeAll(async () => {
  bus = new MemoryTopicBus(new DeliveryGate(null, pino({ level: 'silent' })));
  paths = await startTwoPaths(schemaOf(), context);
});
afterAll(() => {
  paths.stop();
  bus.beforeApplicationShutdown();
});

it(
  `answers ${CONVERSATIONS} random conversations (FUZZ_SEED=${SEED}) as graphql-ws does`,
  async () => {
    const endings = new Map<string, number>();
    for (let index = 0; index < CONVERSATIONS; index += AT_ONCE) {
      const seeds = Array.from({ length: AT_ONCE }, (_, at) => SEED + (index + at) * 7919);
      for (const ending of await Promise.all(seeds.map(compare))) endings.set(ending, (endings.get(ending) ?? 0) + 1);
      paths.closeSockets();
    }
    console.log(Object.fromEntries(endings));
    // The comparison is meaningful only if conversations last and end in different ways.
    expect([...endings.keys()].sort()).toEqual(['4400', '4401', '4409', '4429', 'open']);
  },
  MINUTES * 60_000,
);

/** Holds one conversation with both: after each message both must have answered the same. Returns how it ended. */
async function compare(seed: number): Promise<string> {
  const random = new Random(seed);
  const sockets = await Promise.all([paths.connect('push'), paths.connect('reference')]);
  const of = `user:${seed}` as ViewerId;
  const said: string[] = [];
  // One message at most comes before it, since there is a limit of our own.
  const init = JSON.stringify({ type: 'connection_init' });
  let message = random.chance(0.9) ? init : randomMessage(random, of);
  while (said.push(message) <= MESSAGES) {
    const [answers = [], expected] = await Promise.all(sockets.map((socket) => answersTo(message, socket)));
    expect({ said, answers }).toEqual({ said, answers: expected });
    const last = answers.at(-1) ?? '';
    if (CLOSED.test(last)) return last.slice(0, 4);
    await bus.publish([{ topic: topicOf(definition, of), payload: said.length }]);
    message = said.includes(init) ? randomMessage(random, of) : init;
  }
  return 'open';
}

/** What a server answers to a message, or how it closes. The second pong comes after all that the message has caused. */
async function answersTo(message: string, { send, inbox }: Socket): Promise<string[]> {
  const answers: string[] = [];
  send(message);
  send(PING);
  for (let pongs = 0; pongs < 2;) {
    const text = await inbox.take();
    if (text !== PONG) answers.push(text);
    else if (++pongs === 1) send(PING);
    if (CLOSED.test(text)) return answers;
  }
  return answers;
}

/**
 * Any message of a client, right or wrong. Left out is what graphql-ws leaves to its host, which is an exception in it:
 * messages that only a server sends, and text that is not GraphQL.
 */
function randomMessage(random: Random, of: string): string {
  const id = random.pick(['a', 'b', 'c', 'd', '__proto__']);
  const chance = random.next();
  if (chance < 0.01) return random.pick(['', '{', '[]', 'null', '7', '"text"', '{}', '{"type":"no"}', '{"type":1}']);
  if (chance < 0.02) return JSON.stringify({ type: 'connection_init', payload: random.pick([undefined, {}, null]) });
  if (chance < 0.05) return JSON.stringify({ type: 'pong', payload: random.pick([undefined, {}, null]) });
  if (chance < 0.06) return JSON.stringify({ type: 'subscribe', id: random.pick(['', 1, null]), payload: {} });
  if (chance < 0.07) return JSON.stringify({ type: 'subscribe', id, payload: random.pick([[], { query: 1 }, 'text']) });
  if (chance < 0.4) return JSON.stringify({ type: 'complete', id });
  return JSON.stringify({ type: 'subscribe', id, payload: randomPayload(random, of) });
}

function randomPayload(random: Random, of: string): Record<string, unknown> {
  const to = random.pick([0, 1, 3, 'x', null, 1.5]);
  return random.pick<Record<string, unknown>>([
    { query: `subscription { number(of: "${of}") }` },
    { query: 'subscription N($of: String!) { n: number(of: $of) }', operationName: 'N', variables: { of, to } },
    { query: 'subscription($to: Int!) { counted(to: $to) }', variables: { to } },
    { query: 'subscription { counted(to: 2) }', variables: null, extensions: {} },
    { query: 'subscription { failing }' },
    { query: 'subscription { failingLater }' },
    { query: 'subscription { unknown }' },
  ]);
}

function schemaOf(): GraphQLSchema {
  const schema = buildSchema(SDL);
  const fields = schema.getSubscriptionType()!.getFields();
  fields['number']!.subscribe = (_root, { of }: { of: ViewerId }) => new TopicStream(bus, topicOf(definition, of));
  fields['counted']!.subscribe = async function* (_root, { to }: { to: number }) {
    for (let counted = 1; counted <= to; counted++) yield { counted };
  };
  fields['failing']!.subscribe = () => {
    throw new Error('not for anybody to see');
  };
  fields['failingLater']!.subscribe = async function* () {
    yield { failingLater: 1 };
    throw new Error('not for anybody to see either');
  };
  return schema;
}
