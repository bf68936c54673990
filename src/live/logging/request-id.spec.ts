import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.js';
import { inRequest, requestIdOf } from './request-id.js';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const request = (id: string | undefined): IncomingMessage =>
  ({ headers: { 'x-request-id': id }, socket: { remoteAddress: '192.0.2.1' } }) as unknown as IncomingMessage;
const everybody = (): boolean => true;
const nobody = (): boolean => false;

/** A whole request: its response is complete when its work is done. */
async function within(id: string, work: () => Promise<void>): Promise<void> {
  const response = new EventEmitter() as ServerResponse;
  let working: Promise<void> | undefined;
  inRequest(id, response, () => void (working = work()));
  await working;
  response.emit('close');
}

describe('a request id', () => {
  it('a request id is the one of a trusted proxy', () => {
    expect(requestIdOf(request('req-42.A_b'), (peer) => peer === '192.0.2.1')).toBe('req-42.A_b');
  });

  it('a request id is a new one without a trusted proxy, or without an id', () => {
    expect(requestIdOf(request('req-42'), nobody)).toMatch(UUID);
    expect(requestIdOf(request(undefined), everybody)).toMatch(UUID);
    expect(requestIdOf(request(undefined), everybody)).not.toBe(requestIdOf(request(undefined), everybody));
  });

  it.each(['', 'two words', 'a, b', 'x'.repeat(65), 'line\nbreak', '{"level":"fatal"}', 'ä'])(
    'a request id is a new one instead of %j, even from a trusted proxy',
    (id) => {
      expect(requestIdOf(request(id), everybody)).toMatch(UUID);
    },
  );

  it('a request id is in each line of its own request, also when several run concurrently', async () => {
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line: string) => void lines.push(line) });
    const work = async (id: string): Promise<void> => {
      await turn();
      logger.info({ id }, 'later');
    };
    await Promise.all(['one', 'two'].map((id) => within(id, () => work(id))));
    await within('three', () => work('three'));
    logger.info({ id: null }, 'outside');
    const written = lines.map((line) => JSON.parse(line) as { id: string | null; requestId?: string });
    expect(written.map(({ id, requestId }) => [id, requestId])).toEqual([
      ['one', 'one'],
      ['two', 'two'],
      ['three', 'three'],
      [null, undefined],
    ]);
  });
});
