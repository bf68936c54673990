import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Presence } from '../../presence/presence.js';
import type { ViewerId } from '../../viewer/viewer.js';
import type { Grant } from '../connection-authenticator.js';
import { ConnectionRegistry } from './connection-registry.js';
import { NoneElsewhere } from './connections-elsewhere.js';

const viewer = 'external:acme:ann' as ViewerId;
const NOW = 1_700_000_000_000;

function issuedAt(ms: number, session?: string): Grant {
  const standsOn = session === undefined ? 'token' : { session };
  return { viewer: { id: viewer }, standsOn, issuedAt: new Date(ms), expiresAt: new Date(ms + 60_000) } as Grant;
}

describe('a remembered revocation of a viewer', () => {
  const registry = new ConnectionRegistry({} as Presence, new NoneElsewhere());
  afterEach(() => void vi.useRealTimers());

  it('a revocation is not shortened by a later one that reaches less far', () => {
    registry.rememberRevoked({ viewer, issuedUntilMs: NOW });
    registry.rememberRevoked({ viewer, issuedUntilMs: NOW - 30_000, onlyWithoutSession: false });
    expect(registry.hasEnded(issuedAt(NOW))).toBe(true);
    expect(registry.hasEnded(issuedAt(NOW + 1))).toBe(false);
  });

  it('a revocation is forgotten after a minute, also for tokens without a time of issue', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const untimed = { viewer: { id: viewer }, standsOn: 'token', expiresAt: new Date(NOW) } as const;
    registry.rememberRevoked({ viewer, issuedUntilMs: NOW });
    vi.advanceTimersByTime(59_999);
    expect(registry.hasEnded(untimed)).toBe(true);
    vi.advanceTimersByTime(1);
    expect(registry.hasEnded(untimed)).toBe(false);
  });

  it('a revocation of tokens without a session does not reach those of a session', () => {
    registry.rememberRevoked({ viewer, issuedUntilMs: NOW + 1000, onlyWithoutSession: true });
    expect(registry.hasEnded(issuedAt(NOW + 500))).toBe(true);
    expect(registry.hasEnded(issuedAt(NOW + 500, 'a'))).toBe(false);
  });
});
