import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { UnavailableError } from '../errors/sallyport.errors.js';
import { MemoryRevocationStore } from '../store/memory/revocation.store.memory.js';
import { MemorySessionRevocations } from '../store/memory/session-revocations.memory.js';
import { issueTime } from '../tokens/issue-time.js';
import type { ViewerId } from '../viewer/viewer.js';
import { type IssuedToken, TokenRevocations } from './token-revocations.js';

const NOW = Date.UTC(2026, 0, 31);
const viewer: ViewerId = 'external:acme:ann';
const CLOCKS_MS = [-4_000, -1, 0, 1, 4_000];
let store: MemoryRevocationStore;
let revocations: TokenRevocations;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  store = new MemoryRevocationStore();
  revocations = new TokenRevocations(store, new MemorySessionRevocations());
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A token of a node whose clock is ahead by so much. */
async function tokenOf(aheadMs: number): Promise<IssuedToken> {
  const issuedAt = issueTime((Date.now() + aheadMs) / 1000, await revocations.lastRevocationMs(viewer));
  return { viewer, session: null, issuedAt };
}

const areRevoked = (...tokens: IssuedToken[]) => Promise.all(tokens.map((token) => revocations.isRevoked(token)));

it.each(CLOCKS_MS.flatMap((before) => CLOCKS_MS.map((after) => [before, after] as const)))(
  'ends the tokens of before and none of after, with clocks that are %i ms and %i ms ahead',
  async (aheadBefore, aheadAfter) => {
    const before = await tokenOf(aheadBefore);
    await revocations.revokeViewer(viewer);
    const after = await tokenOf(aheadAfter);
    expect(await areRevoked(before, after)).toEqual([true, false]);
  },
);

it.each(CLOCKS_MS)(
  'ends what was issued after an earlier revocation, by a clock that is %i ms ahead',
  async (ahead) => {
    await revocations.revokeViewer(viewer);
    const between = await tokenOf(0);
    vi.setSystemTime(NOW + ahead);
    await revocations.revokeViewer(viewer);
    expect(await areRevoked(between, await tokenOf(0))).toEqual([true, false]);
  },
);

it('a logout at a provider ends no token that was issued after it has arrived', async () => {
  const before = await tokenOf(0);
  await revocations.revokeWithoutSession(viewer, new Date(NOW));
  expect(await areRevoked(before, await tokenOf(0))).toEqual([true, false]);
});

it.each([
  ['was unavailable', () => Promise.reject(new UnavailableError())],
  ['hung', () => new Promise<never>(() => {})],
])('goes by the clocks for a token that was issued while the store %s', async (_, answer) => {
  vi.spyOn(store, 'issuedUntil').mockImplementationOnce(answer);
  const token = await tokenOf(0);
  expect(token.issuedAt).toEqual(new Date(NOW));
  await revocations.revokeViewer(viewer);
  expect(await areRevoked(token)).toEqual([true]);
});

it('asks the store once for the tokens that are issued at the same time', async () => {
  const asked = vi.spyOn(store, 'issuedUntil');
  await revocations.revokeViewer('external:acme:bob');
  asked.mockClear();
  const ids: ViewerId[] = ['external:acme:ann', 'external:acme:bob', 'external:acme:bob'];
  expect(await Promise.all(ids.map((id) => revocations.lastRevocationMs(id)))).toEqual([0, NOW, NOW]);
  expect(asked).toHaveBeenCalledTimes(1);
});
