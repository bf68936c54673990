/** One metric as prom-client's `getMetricsAsJSON` gives it, which a message can carry. */
export interface MetricJson {
  readonly name: string;
  readonly type: string;
  readonly aggregator?: string;
}

/** Whose connections a number counts. */
export type CountKind = 'address' | 'viewer';

/** The number of connections of an address block or a viewer; 0 for none. It replaces the last one. */
export type ConnectionCount = readonly [kind: CountKind, key: string, count: number];

/** How many connections of a viewer a worker may keep at the most. */
export type ViewerMost = readonly [viewer: string, most: number];

/** What a worker tells the primary. */
export type FromWorker =
  /** Asks for the environment, once, before it reads its configuration. */
  | { readonly kind: 'environment' }
  /** Its event loop runs. */
  | { readonly kind: 'beat' }
  /** It listens, and its stores answered at its start. */
  | { readonly kind: 'serving' }
  /** Its metrics, as an answer to the question of this number. */
  | { readonly kind: 'metrics'; readonly round: number; readonly metrics: readonly MetricJson[] }
  /** Asks for the metrics page of all workers. */
  | { readonly kind: 'page' }
  /** Its own connections, as far as their numbers have changed. */
  | { readonly kind: 'connections'; readonly counts: readonly ConnectionCount[] };

/** What the primary tells a worker. */
export type FromPrimary =
  | { readonly kind: 'environment'; readonly env: Readonly<Record<string, string>> }
  | { readonly kind: 'metrics'; readonly round: number }
  /** The page of all workers, for every question that has not been answered. */
  | { readonly kind: 'page'; readonly text: string }
  /** Of these viewers it has admitted too many, because it had not yet heard what others had admitted. */
  | { readonly kind: 'excess'; readonly viewers: readonly ViewerMost[] }
  /** The connections of all other workers together, as far as their numbers have changed. */
  | { readonly kind: 'connections'; readonly counts: readonly ConnectionCount[] };
