import { ServerResponse, type IncomingMessage } from 'node:http';
import { GraphQLError } from 'graphql';
import { expect, it } from 'vitest';
import { createLogger } from '../logging/logger.js';
import { inRequest } from '../logging/request-id.js';
import { showError, showThrown } from './show-error.js';

it('an unexpected error is logged with the id of its request, or of the upgrade of its socket', () => {
  const lines: unknown[] = [];
  const logger = createLogger('error', { write: (line) => void lines.push(JSON.parse(line)) });
  const failure = new GraphQLError('failed', { originalError: new Error('a bug'), path: ['me'] });
  inRequest('request-1', new ServerResponse({} as IncomingMessage), () => {
    showError(failure, logger);
    showThrown(failure, logger, 'socket-1');
  });
  expect(lines).toMatchObject([
    { requestId: 'request-1', path: ['me'], err: { message: 'a bug' } },
    { requestId: 'socket-1', msg: 'a resolver failed' },
  ]);
});
