import type { Logger } from 'pino';
import { expect, it, vi } from 'vitest';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import type { EndedSession, EndedSessions } from './ended-sessions.js';
import { SessionSweeper } from './session-sweeper.js';
import type { SessionStore } from './session.store.js';

it('logs once that expired sessions cannot be swept, and once that they are again', async () => {
  const endExpired = vi.fn(async (): Promise<readonly EndedSession[]> => []);
  const logger = { warn: vi.fn(), info: vi.fn() };
  const ended = { announceEach: async () => {} };
  const sweeper = new SessionSweeper(
    { endExpired } as unknown as SessionStore,
    ended as unknown as EndedSessions,
    logger as unknown as Logger,
  );
  endExpired.mockRejectedValueOnce(new UnavailableError()).mockRejectedValueOnce(new UnavailableError());
  for (let round = 0; round < 4; round++) await sweeper.sweep();
  expect(logger.warn).toHaveBeenCalledOnce();
  expect(logger.info).toHaveBeenCalledOnce();
});
