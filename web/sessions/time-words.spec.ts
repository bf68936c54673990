import { describe, expect, it } from 'vitest';
import { timeWords } from './time-words.js';

const NOW = Date.parse('2026-11-21T12:00:00Z');

describe('an instant in words', () => {
  it.each([
    ['2026-11-21T11:59:30Z', 'just now'],
    ['2026-11-21T11:57:00Z', '3 minutes ago'],
    ['2026-11-21T11:00:20Z', '1 hour ago'],
    ['2026-11-21T09:00:00Z', '3 hours ago'],
    ['2026-11-20T12:10:00Z', 'yesterday'],
    ['2026-11-20T11:00:00Z', 'yesterday'],
    ['2026-12-21T12:00:00Z', 'in 30 days'],
  ])('%s is "%s"', (instant, words) => {
    expect(timeWords(instant, NOW)).toBe(words);
  });
});
