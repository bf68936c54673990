import { hash } from 'node:crypto';
import type { StoreOperation } from '../store-operation.js';

/** A Lua script and its hash. Declared once, as a constant next to its code. */
export class RedisScript {
  readonly sha: string;

  /** @param operation what it is for, in metrics */
  constructor(
    readonly operation: StoreOperation,
    readonly lua: string,
  ) {
    this.sha = hash('sha1', lua, 'hex');
  }
}
