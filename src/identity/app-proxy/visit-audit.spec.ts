import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { ReplayDetector } from './visit-audit.js';

describe('AP-4: a signed URL that is used twice', () => {
  it('is distinguished by the client that uses it', () => {
    const watch = new ReplayDetector();
    expect(watch.note('one', 'ada', 0)).toBe('first');
    expect(watch.note('one', 'ada', 1000)).toBe('again');
    expect(watch.note('one', 'eve', 2000)).toBe('elsewhere');
  });

  it('is forgotten once it is no longer valid', () => {
    const watch = new ReplayDetector();
    watch.note('one', 'ada', 0);
    expect(watch.note('one', 'eve', 180_000)).toBe('elsewhere');
    expect(watch.note('one', 'eve', 180_001)).toBe('first');
  });

  it('remembers at most a bounded number of URLs', () => {
    const watch = new ReplayDetector(2);
    for (const signature of ['one', 'two', 'three']) watch.note(signature, 'ada', 0);
    expect(watch.note('one', 'eve', 0)).toBe('first');
    expect(watch.note('three', 'eve', 0)).toBe('elsewhere');
  });

  it('takes no more memory for a client with a long user agent', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const watch = new ReplayDetector();
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 1_000; index++)
      watch.note(`url ${index}`, Buffer.alloc(16_384, index).toString('latin1'), 0);
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(4_000_000);
    expect(watch.note('url 0', 'eve', 0)).toBe('elsewhere');
  });
});
