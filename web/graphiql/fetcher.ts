import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { getOperationAST, OperationTypeNode } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import { CloseCode, type LiveClient } from '../../client/index.js';

/** The toolkit's type wants errors that are objects of graphql-js, which nothing that was JSON has: it shows them as they are. */
type Results = AsyncIterableIterator<never>;

/**
 * Queries go with the cookie, subscriptions by the live client.
 *
 * Subscriptions are iterated here and not by the toolkit: what ends one there is thrown a second time where nobody can catch it,
 * as an uncaught error of the page.
 */
export function createFetcher(client: LiveClient): Fetcher {
  const overHttp = createGraphiQLFetcher({
    url: '/graphql',
    fetch: (input, init) => fetch(input, { ...init, credentials: 'same-origin' }),
  });
  return (params, options) => {
    const operation =
      options?.documentAST && getOperationAST(options.documentAST, (params as SubscribePayload).operationName);
    if (operation?.operation !== OperationTypeNode.SUBSCRIPTION) return overHttp(params, options);
    return explained(client.iterate(params as SubscribePayload) as Results);
  };
}

/** Says in words what has ended a subscription. */
function explained(results: Results): Results {
  const next = results.next.bind(results);
  const nextInWords = async (): Promise<IteratorResult<never, unknown>> => {
    try {
      return await next();
    } catch (reason) {
      throw inWords(reason);
    }
  };
  return Object.assign(results, { next: nextInWords });
}

function inWords(reason: unknown): unknown {
  if (typeof reason !== 'object' || reason === null || !('code' in reason)) return reason;
  if (reason.code === CloseCode.Unauthorized)
    return new Error('You are not signed in. Run the tab "login" or "register", then run this one again.');
  return new Error(`The server closed the connection with code ${String(reason.code)}: see PROTOCOL.md, section 6.`);
}
