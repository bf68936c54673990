import type { ExecutableOperation } from './executable-operation.js';

/**
 * Memory limit of one viewer's subscriptions on this node, in bytes: their operations, each counted once, and their
 * messages.
 */
const MAX_VIEWER_BYTES = 8 * 1024 * 1024;
/**
 * Memory limit of all subscriptions, in bytes: operations, each counted once, and messages that are longer than usual.
 */
const MAX_NODE_BYTES = 64 * 1024 * 1024;
/** What is not counted for the node of a message and its variables: the size of an ordinary Subscribe. */
const USUAL_BYTES = 4096;

/** Which limit is reached. */
export type BudgetRefusal = 'viewer-full' | 'node-full';

interface NodeShare {
  readonly operation: ExecutableOperation;
  holders: number;
}

interface ViewerShare {
  readonly viewer: string;
  bytes: number;
  readonly operations: { readonly operation: ExecutableOperation; holders: number }[];
}

/**
 * The operations that subscriptions use, including those that the cache has evicted, and their memory. An operation is
 * counted once per viewer and once for the node, whatever the number of its subscriptions.
 */
export class LiveOperations {
  readonly #operations = new Map<string, NodeShare>();
  readonly #viewers = new Map<string, ViewerShare>();
  #bytes = 0;

  /** The operation with this key, if a subscription uses it. */
  find(key: string): ExecutableOperation | undefined {
    return this.#operations.get(key)?.operation;
  }

  /**
   * Counts one more subscription. The hold must be released when the subscription ends.
   *
   * @param keptBytes what the subscription keeps besides its operation: its message and its variables in memory
   */
  hold(operation: ExecutableOperation, viewer: string, keptBytes: number): OperationHold | BudgetRefusal {
    const known = this.#viewers.get(viewer);
    const own = known?.operations.find((entry) => entry.operation === operation);
    const shared = this.#operations.get(operation.key);
    const unusual = Math.max(0, keptBytes - USUAL_BYTES);
    const forViewer = keptBytes + (own ? 0 : operation.bytes);
    const forNode = unusual + (shared ? 0 : operation.bytes);
    if ((known?.bytes ?? 0) + forViewer > MAX_VIEWER_BYTES) return 'viewer-full';
    if (forNode > 0 && this.#bytes + forNode > MAX_NODE_BYTES) return 'node-full';
    // An array literal has exactly the capacity of its elements; one that is pushed to reserves room for seventeen.
    const share = known ?? { viewer, bytes: 0, operations: [{ operation, holders: 0 }] };
    share.bytes += forViewer;
    this.#bytes += forNode;
    const mine = own ?? (known ? null : share.operations[0]);
    if (mine) mine.holders++;
    else share.operations.push({ operation, holders: 1 });
    if (shared) shared.holders++;
    else this.#operations.set(operation.key, { operation, holders: 1 });
    if (!known) this.#viewers.set(viewer, share);
    return new OperationHold(this, operation, share, { viewer: keptBytes, node: unusual });
  }

  /** Subtracts what a hold has counted. Called by the hold, once. */
  release({ operation, share, bytes }: OperationHold): void {
    share.bytes -= bytes.viewer;
    this.#bytes -= bytes.node;
    const at = share.operations.findIndex((entry) => entry.operation === operation);
    const own = share.operations[at];
    if (own && --own.holders === 0) {
      share.operations.splice(at, 1);
      share.bytes -= operation.bytes;
    }
    if (share.operations.length === 0) this.#viewers.delete(share.viewer);
    const shared = this.#operations.get(operation.key);
    if (!shared || --shared.holders > 0) return;
    this.#operations.delete(operation.key);
    this.#bytes -= shared.operation.bytes;
    shared.operation.clearVariants();
  }
}

/** The memory that is counted for a running subscription. */
export interface Hold {
  /** Subtracts the subscription's memory. Calling it again does nothing. */
  release(): void;
}

/** One subscription's hold on its operation. */
export class OperationHold implements Hold {
  #operations: LiveOperations | null;

  /**
   * @param operations where it is counted
   * @param bytes what it counts for its viewer and for the node, besides the operation
   */
  constructor(
    operations: LiveOperations,
    readonly operation: ExecutableOperation,
    readonly share: ViewerShare,
    readonly bytes: { readonly viewer: number; readonly node: number },
  ) {
    this.#operations = operations;
  }

  release(): void {
    const operations = this.#operations;
    this.#operations = null;
    operations?.release(this);
  }
}
