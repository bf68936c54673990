import { hash } from 'node:crypto';

/** A Lua script and its hash. Declared once, as a constant next to its code. */
export class RedisScript {
  readonly sha: string;

  constructor(readonly lua: string) {
    this.sha = hash('sha1', lua, 'hex');
  }
}
