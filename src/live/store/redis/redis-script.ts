import { createHash } from 'node:crypto';

/** A Lua script with the name Redis knows it by. Declared once, as a constant beside what it does. */
export class RedisScript {
  readonly sha: string;

  constructor(readonly lua: string) {
    this.sha = createHash('sha1').update(lua).digest('hex');
  }
}
