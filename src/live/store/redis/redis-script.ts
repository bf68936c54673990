import { hash } from 'node:crypto';

/** A Lua script with the name Redis knows it by. Declared once, as a constant beside what it does. */
export class RedisScript {
  readonly sha: string;

  constructor(readonly lua: string) {
    this.sha = hash('sha1', lua, 'hex');
  }
}
