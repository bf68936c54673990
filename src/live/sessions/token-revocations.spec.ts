import { expect, it } from 'vitest';
import { MemoryRevocationStore } from '../store/memory/revocation.store.memory.js';
import { MemorySessionRevocations } from '../store/memory/session-revocations.memory.js';
import { TokenRevocations } from './token-revocations.js';

const TIMES = 100;

it("revokes a viewer's tokens so far, and none that is issued next", async () => {
  const revocations = new TokenRevocations(new MemoryRevocationStore(), new MemorySessionRevocations());
  const viewer = 'external:acme:ann';
  for (let time = 0; time < TIMES; time++) {
    const before = { viewer, session: null, issuedAt: new Date() };
    await revocations.revokeViewer(viewer);
    const after = { viewer, session: null, issuedAt: new Date() };
    expect([await revocations.isRevoked(before), await revocations.isRevoked(after)]).toEqual([true, false]);
  }
});
