import pino from 'pino';
import { buildSchema, getOperationAST, parse } from 'graphql';
import { expect, it } from 'vitest';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import type { Connection } from '../connection/connection.js';
import { ExecutableOperation } from './executable-operation.js';
import { ExecutedStream } from './executed-stream.js';
import { Renderer } from './rendering.js';
import { Subscription } from './subscription.js';

/** More than a test could wait for, if the stream did not end. */
const MANY = 100_000;

it('ends a source stream that never waits as soon as its socket has closed', async () => {
  const schema = buildSchema('type Query { a: Int } type Subscription { number: Int }');
  const document = parse('subscription { number }');
  const operation = new ExecutableOperation(schema, document, getOperationAST(document)!, undefined);
  const socket = {
    closed: false,
    isFull: false,
    push(): void {
      this.closed = true;
    },
    subscribed(): void {},
    unsubscribed(): void {},
  };
  let made = 0;
  let hasEnded = false;
  async function* numbers(): AsyncGenerator<{ number: number }> {
    try {
      while (made < MANY) yield { number: ++made };
    } finally {
      hasEnded = true;
    }
  }
  const subscription = new Subscription(socket as unknown as Connection, '1');
  const request = {
    operation,
    variant: operation.variant(undefined),
    context: {} as GraphqlContext,
    resume: undefined,
  };
  const count = { feed: '', authenticator: 'test', open: 0, recovered: 0, notRecovered: 0, failed: 0 };
  const stream = new ExecutedStream(numbers(), subscription, request, new Renderer(pino({ level: 'silent' })), count);
  subscription.sendsFrom(stream);
  await stream.run();
  expect([made, hasEnded, count.open]).toEqual([1, true, 0]);
});
