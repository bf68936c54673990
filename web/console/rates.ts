import { appended } from '../live/ring.js';

/** How much the plots show, in seconds, at one point a second. */
export const PLOT_SECONDS = 300;
const MAX_POINTS = PLOT_SECONDS + 20;

/** Two reports that are less apart give no rate, in seconds. */
const MIN_SECONDS = 0.5;
/** How much older than the last report one can be that another node has passed on, in seconds. */
const MAX_LATE_SECONDS = 6;

/** What one node says of itself; see the server's NodeReport. */
export interface NodeReport {
  readonly name: string;
  readonly version: string;
  readonly clockMs: number;
  readonly sockets: number;
  readonly viewerSockets: Readonly<Record<'user' | 'customer' | 'external', number>>;
  readonly topics: number;
  readonly delivered: number;
  readonly published: number;
  readonly busy: number;
  readonly memoryBytes: number;
  readonly stores: Readonly<Record<string, boolean>>;
}

/** The answer to the question what nodes do. */
export interface NodesAnswer {
  readonly nodes: readonly { readonly node: string; readonly report: NodeReport }[];
  /** The node that has answered. */
  readonly node: string;
}

/** A node's report, and what happens there per second; null until two reports are known. */
export interface NodeRates extends NodeReport {
  readonly node: string;
  readonly isAnswering: boolean;
  readonly deliveredPerSecond: number | null;
  readonly publishedPerSecond: number | null;
}

/** All nodes together at one moment. */
export interface TotalPoint {
  /** In ms since the epoch, by the clock of this browser. */
  readonly at: number;
  readonly sockets: number;
  readonly delivered: number;
  readonly published: number;
}

/** What the overview shows. */
export interface Overview {
  readonly nodes: readonly NodeRates[];
  /** Oldest first. */
  readonly points: readonly TotalPoint[];
}

export const NOTHING_YET: Overview = { nodes: [], points: [] };

/** Adds an answer to what is known. */
export function withAnswer({ nodes, points }: Overview, { nodes: reports, node }: NodesAnswer, at: number): Overview {
  const before = new Map(nodes.map((one) => [one.node, one]));
  const now = reports
    .map((one) => ratesOf(one.node, one.report, before.get(one.node), one.node === node))
    .sort((one, other) => one.name.localeCompare(other.name));
  const sum = (of: (one: NodeRates) => number | null): number =>
    Math.round(now.reduce((total, one) => total + (of(one) ?? 0), 0));
  const point = {
    at,
    sockets: sum((one) => one.sockets),
    delivered: sum((one) => one.deliveredPerSecond),
    published: sum((one) => one.publishedPerSecond),
  };
  return { nodes: now, points: appended(points, point, MAX_POINTS) };
}

function ratesOf(node: string, report: NodeReport, before: NodeRates | undefined, isAnswering: boolean): NodeRates {
  const seconds = before ? (report.clockMs - before.clockMs) / 1000 : -1;
  // The same report again, or hardly another: each node writes one a second. It can also be an older one, when a node
  // has answered for itself before and now another node answers.
  if (before && seconds > -MAX_LATE_SECONDS && seconds < MIN_SECONDS) return { ...before, isAnswering };
  const rate = (of: (one: NodeReport) => number): number | null =>
    before && seconds > 0 ? Math.max(0, of(report) - of(before)) / seconds : null;
  return {
    ...report,
    node,
    isAnswering,
    deliveredPerSecond: rate((one) => one.delivered),
    publishedPerSecond: rate((one) => one.published),
  };
}
