import { expect, it } from 'vitest';
import { UnavailableError } from '../errors/sallyport.errors.js';
import { MemoryTokenReplayStore } from '../store/memory/token-replay.store.memory.js';
import { SingleUse } from './single-use.js';
import { TokenReplayStore } from './token-replay.store.js';

const inAMinute = Date.now() / 1000 + 60;

class UnavailableStore extends TokenReplayStore {
  override claim(): Promise<boolean> {
    return Promise.reject(new UnavailableError());
  }
}

class RecordingStore extends TokenReplayStore {
  readonly claims: (readonly [string, number])[] = [];

  override claim(tokenId: string, expiresAtSeconds: number): Promise<boolean> {
    this.claims.push([tokenId, expiresAtSeconds]);
    return Promise.resolve(true);
  }
}

function singleUse(isOn: boolean, store: TokenReplayStore): SingleUse {
  return new SingleUse(store, { ttlSeconds: 60, singleUse: isOn, issuer: 'https://app.example' });
}

it('TK-9 allows one use of each token with TOKEN_SINGLE_USE', async () => {
  const uses = singleUse(true, new MemoryTokenReplayStore());
  expect(await uses.of('first', inAMinute).claim?.()).toBe(true);
  expect(await uses.of('first', inAMinute).claim?.()).toBe(false);
  expect(await uses.of('second', inAMinute).claim?.()).toBe(true);
});

it('allows every use without TOKEN_SINGLE_USE and does not ask the store', async () => {
  const uses = singleUse(false, new UnavailableStore());
  expect(uses.of('first', inAMinute)).toEqual({});
});

it('remembers a used token until the end of the second in which it expires', async () => {
  const store = new RecordingStore();
  await singleUse(true, store).of('first', 1_800_000_000.25).claim?.();
  expect(store.claims).toEqual([['first', 1_800_000_001]]);
});

it('allows no use while the store is unavailable', async () => {
  await expect(singleUse(true, new UnavailableStore()).of('first', inAMinute).claim?.()).rejects.toThrow(
    UnavailableError,
  );
});
