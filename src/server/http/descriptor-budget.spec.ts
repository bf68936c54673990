import { describe, expect, it } from 'vitest';
import { descriptorLimit, shareDescriptors } from './descriptor-budget.js';

describe('the descriptors of the process', () => {
  it.each([
    [600, { http: 125, sockets: 375, ceiling: 550 }],
    [1_024, { http: 231, sockets: 693, ceiling: 974 }],
    [65_536, { http: 4_096, sockets: 61_340, ceiling: 65_486 }],
    [Infinity, { http: 4_096, sockets: Infinity, ceiling: Infinity }],
    [50, { http: 1, sockets: 1, ceiling: 52 }],
  ])('with a limit of %d are divided between HTTP and WebSockets', (limit, budget) => {
    expect(shareDescriptors(limit)).toEqual(budget);
  });

  it('are as many as the system reports', () => {
    expect(descriptorLimit()).toBeGreaterThan(100);
  });
});
