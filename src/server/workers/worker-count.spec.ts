import { expect, it } from 'vitest';
import { coresToUse, MAX_WORKERS } from './worker-count.js';

it.each([
  ['all cores without a container', 8, null, 8],
  ['all cores in a container without a limit', 8, 'max 100000\n', 8],
  ['the limit of a container, rounded up', 64, '250000 100000\n', 3],
  ['one worker below one core', 64, '50000 100000\n', 1],
  ['no more than there are cores', 2, '800000 100000\n', 2],
  ['no more than the most', 1_000, null, MAX_WORKERS],
  ['all cores where the file has another form', 4, 'nonsense', 4],
])('auto means %s', (_, cores, cpuMax, expected) => {
  expect(coresToUse(cores, cpuMax)).toBe(expected);
});
