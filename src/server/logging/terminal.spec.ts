import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { createLogger } from '../../live/logging/logger.js';
import { inRequest } from '../../live/logging/request-id.js';
import { prettyDestination } from './terminal.js';

function output(isTTY: boolean): PassThrough & { isTTY: boolean } {
  return Object.assign(new PassThrough(), { isTTY });
}

describe('log lines', () => {
  it('are plain text in a terminal, with secrets redacted and with the request id', async () => {
    const terminal = output(true);
    const logger = createLogger('info', await prettyDestination(false, terminal));
    const response = new EventEmitter() as ServerResponse;
    inRequest('request-1', response, () => logger.info({ token: 'eyJ', address: '192.0.2.1' }, 'socket refused'));
    const printed = await vi.waitFor(() => {
      const text = stripVTControlCharacters(String(terminal.read() ?? ''));
      expect(text).toContain('socket refused');
      return text;
    });
    expect(printed).toMatch(/^\[\d\d:\d\d:\d\d\.\d+\] INFO: socket refused\n/);
    expect(printed).toContain('requestId: "request-1"');
    expect(printed).toContain('[redacted]');
    expect(printed).not.toContain('eyJ');
  });

  it('are JSON in production, and without a terminal', async () => {
    expect(await prettyDestination(true, output(true))).toBeUndefined();
    expect(await prettyDestination(false, output(false))).toBeUndefined();
  });
});
