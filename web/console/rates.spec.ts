import { describe, expect, it } from 'vitest';
import { type NodeReport, type NodesAnswer, NOTHING_YET, withAnswer } from './rates.js';

const report = (part: Partial<NodeReport>): NodeReport => ({
  name: 'a',
  version: '1',
  clockMs: 0,
  sockets: 0,
  viewerSockets: { user: 0, customer: 0, external: 0 },
  topics: 0,
  delivered: 0,
  published: 0,
  busy: 0,
  memoryBytes: 0,
  stores: {},
  ...part,
});

const answer = (...reports: Partial<NodeReport>[]): NodesAnswer => ({
  node: '0',
  nodes: reports.map((part, index) => ({ node: String(index), report: report(part) })),
});

describe('the rates of nodes', () => {
  it('are unknown after one report, and follow from two by the clock of the node', () => {
    const first = withAnswer(NOTHING_YET, answer({ clockMs: 1_000, delivered: 10, published: 5, sockets: 3 }), 0);
    expect(first.points).toEqual([{ at: 0, sockets: 3, delivered: 0, published: 0 }]);
    expect(first.nodes[0]).toMatchObject({ deliveredPerSecond: null, isAnswering: true });
    const second = withAnswer(first, answer({ clockMs: 3_000, delivered: 50, published: 6, sockets: 4 }), 9);
    expect(second.points.at(-1)).toEqual({ at: 9, sockets: 4, delivered: 20, published: 1 });
  });

  it('are the sum of all nodes, and stay when a node repeats its report', () => {
    const first = withAnswer(NOTHING_YET, answer({ clockMs: 0 }, { clockMs: 0, delivered: 0 }), 0);
    const second = withAnswer(first, answer({ clockMs: 1_000, delivered: 5 }, { clockMs: 1_000, delivered: 7 }), 1);
    const third = withAnswer(second, answer({ clockMs: 2_000, delivered: 10 }, { clockMs: 1_000, delivered: 7 }), 2);
    expect([second, third].map(({ points }) => points.at(-1)?.delivered)).toEqual([12, 12]);
  });

  it('stay when nodes answer in turn, and an older report follows a newer one', () => {
    const reports = [0, 1_000, 900, 2_050, 1_900, 2_100, 3_000];
    let known = NOTHING_YET;
    for (const [at, clockMs] of reports.entries())
      known = withAnswer(known, answer({ clockMs, delivered: clockMs / 10 }), at);
    expect(known.points.map(({ delivered }) => delivered)).toEqual([0, 100, 100, 100, 100, 100, 100]);
  });

  it('start again with a node that has restarted, and keep a bounded number of points', () => {
    let known = withAnswer(NOTHING_YET, answer({ clockMs: 9_000, delivered: 900 }), 0);
    known = withAnswer(known, answer({ clockMs: 500, delivered: 3 }), 1);
    expect(known.nodes[0]?.deliveredPerSecond).toBeNull();
    for (let at = 0; at < 1_000; at += 1) known = withAnswer(known, answer({ clockMs: 1_000 * (at + 1) }), at);
    expect(known.points).toHaveLength(320);
  });
});
