import pino from 'pino';
import { buildSchema, getOperationAST, parse } from 'graphql';
import { expect, it } from 'vitest';
import { TopicEvent } from '../../topics/topic-event.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import { ExecutableOperation } from './executable-operation.js';
import { Renderer } from './rendering.js';

type Resolve = (context: GraphqlContext) => string;

class MemberContext {
  constructor(readonly viewer: { readonly id: string }) {}
}

const ANN = new MemberContext({ id: 'user:ann' }) as unknown as GraphqlContext;
const BOB = { viewer: { id: 'user:bob' } } as unknown as GraphqlContext;

/** A renderer and a field `word` with this resolver: `operation` prepares a document, `render` one event of it. */
function rendering(resolve: Resolve) {
  const schema = buildSchema('type Query { a: Int } type Subscription { word: String }');
  schema.getSubscriptionType()!.getFields()['word']!.resolve = (_root, _args, context: GraphqlContext) =>
    resolve(context);
  const renderer = new Renderer(pino({ level: 'silent' }));
  const hello = new TopicEvent('epoch', 1, 'hello');
  return {
    operation(query: string): ExecutableOperation {
      const document = parse(query);
      return new ExecutableOperation(schema, document, getOperationAST(document)!, undefined);
    },
    render(operation: ExecutableOperation, context: GraphqlContext, event = hello): unknown {
      const text = renderer.render(event, 'word', operation, operation.variant(undefined), context);
      return JSON.parse(`${text as string}}`);
    },
  };
}

it('a result that does not depend on the context is computed once for all viewers of an event', () => {
  let computed = 0;
  const { operation, render } = rendering(() => `computed ${++computed}`);
  const shared = operation('subscription { word }');
  expect([ANN, BOB].map((viewer) => render(shared, viewer))).toEqual([
    { data: { word: 'computed 1' } },
    { data: { word: 'computed 1' } },
  ]);
});

it('a shared result is kept for one turn of the event loop only, since it may take more memory than its operation', async () => {
  const { operation, render } = rendering(() => 'a long text');
  const shared = operation('subscription { word }');
  const variant = shared.variant(undefined);
  render(shared, ANN);
  expect(variant.last).not.toBeNull();
  await new Promise((resolve) => void setImmediate(resolve));
  expect(variant.last).toBeNull();
});

it('what a resolver keeps for its context does not reach the viewers of another operation', () => {
  const memo = new WeakMap<GraphqlContext, string>();
  const { operation, render } = rendering((context) => {
    const known = memo.get(context) ?? context.viewer?.id ?? 'nobody';
    memo.set(context, known);
    return known;
  });
  const first = operation('subscription { word }');
  const second = operation('subscription { other: word }');
  expect([ANN, BOB].map((viewer) => render(first, viewer))).toEqual([
    { data: { word: 'user:ann' } },
    { data: { word: 'user:bob' } },
  ]);
  expect([ANN, BOB].map((viewer) => render(second, viewer))).toEqual([
    { data: { other: 'user:ann' } },
    { data: { other: 'user:bob' } },
  ]);
});

const kind = (isMember: boolean): string => (isMember ? 'member' : 'guest');

it.each<[string, Resolve]>([
  ['instanceof', (context) => kind((context as unknown) instanceof MemberContext)],
  ['Object.getPrototypeOf', (context) => kind(Object.getPrototypeOf(context) === MemberContext.prototype)],
  ['in', (context) => kind('viewer' in context && context.viewer?.id === 'user:ann')],
  ['Object.keys', (context) => kind(Object.keys(context).length > 0 && context.viewer?.id === 'user:ann')],
  ['a spread', (context) => kind({ ...context }.viewer?.id === 'user:ann')],
])('a resolver that asks its context by %s gets that of each viewer', (_, resolve) => {
  const { operation, render } = rendering(resolve);
  const personal = operation('subscription { word }');
  expect([ANN, BOB].map((viewer) => render(personal, viewer))).toEqual([
    { data: { word: 'member' } },
    { data: { word: 'guest' } },
  ]);
});

it.each<[string, Resolve]>([
  ['sets', (context) => String(Object.assign(context, { seen: true }).viewer?.id)],
  [
    'defines',
    (context) => String(Object.defineProperty(context, 'seen', { value: 1, configurable: true }) === context),
  ],
  ['deletes', (context) => String(Reflect.deleteProperty(context, 'seen'))],
])('a resolver that %s a property of its context is executed for each viewer', (_, resolve) => {
  const { operation, render } = rendering(resolve);
  const personal = operation('subscription { word }');
  render(personal, Object.create(BOB) as GraphqlContext);
  expect(personal.personal).toBe(true);
});

it('a resolver that reads its context and then renders another event is executed for each viewer', () => {
  const other = new TopicEvent('epoch', 2, 'other');
  let isInside = false;
  const { operation, render } = rendering((context) => {
    if (isInside) return 'the same for all';
    const name = String(context.viewer?.id);
    isInside = true;
    render(inner, ANN, other);
    isInside = false;
    return name;
  });
  const outer = operation('subscription { word }');
  const inner = operation('subscription { other: word }');
  expect([ANN, BOB].map((viewer) => render(outer, viewer))).toEqual([
    { data: { word: 'user:ann' } },
    { data: { word: 'user:bob' } },
  ]);
  expect([outer, inner].map(({ personal }) => personal)).toEqual([true, false]);
});

it('a result is shared although its resolver renders an event of another operation for one viewer only', () => {
  const other = new TopicEvent('epoch', 2, 'other');
  let isInside = false;
  let computed = 0;
  const { operation, render } = rendering((context) => {
    if (isInside) return String(context.viewer?.id);
    isInside = true;
    render(inner, ANN, other);
    isInside = false;
    return `computed ${++computed}`;
  });
  const outer = operation('subscription { word }');
  const inner = operation('subscription { other: word }');
  expect([ANN, BOB].map((viewer) => render(outer, viewer))).toEqual([
    { data: { word: 'computed 1' } },
    { data: { word: 'computed 1' } },
  ]);
  expect([outer, inner].map(({ personal }) => personal)).toEqual([false, true]);
});
