import { buildSchema, getOperationAST, parse } from 'graphql';
import { expect, it } from 'vitest';
import { ExecutableOperation } from './executable-operation.js';
import { LiveOperations, OperationHold } from './live-operations.js';

const schema = buildSchema('type Query { n: Int } type Subscription { n: Int }');
const MEBIBYTE = 1024 * 1024;

/** Of about a mebibyte. */
function large(name: string): ExecutableOperation {
  const document = parse(`subscription ${name} { ${'n '.repeat(1000)} }`);
  return new ExecutableOperation(schema, document, getOperationAST(document)!, undefined);
}

function held(outcome: ReturnType<LiveOperations['hold']>): OperationHold {
  if (!(outcome instanceof OperationHold)) throw new Error(outcome);
  return outcome;
}

it('limits one viewer, and counts an operation once', () => {
  const live = new LiveOperations();
  const same = large('One');
  for (let count = 0; count < 1000; count++) held(live.hold(same, 'user:b', 100));
  for (let count = 1; count < 8; count++) held(live.hold(large(`More${count}`), 'user:b', 100));
  expect(live.hold(large('TooMuch'), 'user:b', 100)).toBe('viewer-full');
  held(live.hold(same, 'user:b', 100));
  held(live.hold(large('TooMuch'), 'user:c', 100));
});

it('subtracts everything when a hold is released, once', () => {
  const live = new LiveOperations();
  for (let turn = 0; turn < 3; turn++) {
    const holds = Array.from({ length: 8 }, (_, index) =>
      held(live.hold(large(`N${turn}X${index}`), 'user:a', 10_000)),
    );
    expect(live.hold(large('TooMuch'), 'user:a', 100)).toBe('viewer-full');
    for (const hold of [...holds, ...holds]) hold.release();
  }
  expect(live.find(large('N0X0').key)).toBeUndefined();
});

it('limits all viewers, but allows subscriptions to operations that are already in use', () => {
  const live = new LiveOperations();
  const common = large('Common');
  held(live.hold(common, 'user:first', 100));
  const outcomes = Array.from({ length: 70 }, (_, index) => live.hold(large(`N${index}`), `user:${index}`, 100));
  expect(outcomes).toContain('node-full');
  expect(outcomes.filter((outcome) => outcome === 'node-full').length).toBeLessThan(15);
  held(live.hold(common, 'user:last', 100));
});

it('counts the messages that subscriptions keep', () => {
  const live = new LiveOperations();
  const operation = large('One');
  const outcomes = Array.from({ length: 100 }, () => live.hold(operation, 'user:a', 120_000));
  expect(outcomes.filter((outcome) => outcome === 'viewer-full').length).toBeGreaterThan(35);
  const others = Array.from({ length: 1000 }, (_, index) => live.hold(operation, `user:${index % 100}`, 120_000));
  expect(others.filter((outcome) => outcome === 'node-full').length).toBeGreaterThan(1000 - (64 * MEBIBYTE) / 111_000);
});

it('finds an operation by its key while it is in use', () => {
  const live = new LiveOperations();
  const operation = large('One');
  const [one, other] = [held(live.hold(operation, 'user:a', 1)), held(live.hold(operation, 'user:b', 1))];
  one.release();
  expect(live.find(operation.key)).toBe(operation);
  other.release();
  expect(live.find(operation.key)).toBeUndefined();
});
