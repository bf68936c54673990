import { KEEP_REVOCATION_SECONDS, RevocationStore } from '../../sessions/revocation.store.js';
import type { RedisConnection } from './redis.connection.js';
import { RedisScript } from './redis-script.js';

/** KEYS: the revocation. ARGV: the time in ms, how long to keep it in seconds. The later time is kept. */
const REMEMBER_SCRIPT = new RedisScript(
  'revocation',
  `
local before = tonumber(redis.call('GET', KEYS[1]) or '0')
local instant = tonumber(ARGV[1]) > before and ARGV[1] or string.format('%.0f', before)
redis.call('SET', KEYS[1], instant, 'EX', ARGV[2])`,
);

/** Revocations of all nodes of one Redis. */
export class RedisRevocationStore extends RevocationStore {
  constructor(private readonly redis: RedisConnection) {
    super();
  }

  override async remember(subject: string, issuedUntilMs: number): Promise<void> {
    await this.redis.runScript(REMEMBER_SCRIPT, [keyOf(subject)], [issuedUntilMs, KEEP_REVOCATION_SECONDS]);
  }

  override async issuedUntil(subjects: readonly string[]): Promise<readonly number[]> {
    const keys = subjects.map(keyOf);
    // On a cluster the keys are in different slots.
    const found = await this.redis.run(
      (client) => (this.redis.isCluster ? Promise.all(keys.map((key) => client.get(key))) : client.mget(keys)),
      'revocation',
    );
    return found.map((text) => Number(text ?? 0));
  }
}

function keyOf(subject: string): string {
  return `sallyport:revoked:${subject}`;
}
