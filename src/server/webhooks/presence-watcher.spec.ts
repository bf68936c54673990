import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { LEASE_MS } from '../../live/store/presence.shared.js';
import { LOST_SECONDS } from './announced-viewers.store.js';
import { LOOK_EVERY_MS } from './presence-watcher.js';

/** Writing and sending a message, on a busy machine. */
const SENDING_MS = 2_000;

it('tells of the viewers of a killed node within the time that docs/webhooks.md promises', () => {
  const page = readFileSync(new URL('../../../docs/webhooks.md', import.meta.url), 'utf8');
  const [, seconds] = /node that was killed: within (\d+) s/.exec(page) ?? [];
  expect(seconds).toBe('20');
  // The lease ends, a look finds that the node is lost, and a later one that its viewers are still gone.
  const longestMs = LEASE_MS + LOOK_EVERY_MS + LOST_SECONDS * 1_000 + LOOK_EVERY_MS + SENDING_MS;
  expect(longestMs).toBeLessThanOrEqual(Number(seconds) * 1_000);
});
