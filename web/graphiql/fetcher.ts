import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { getOperationAST, OperationTypeNode } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import { CloseCode, type LiveClient } from '../../client/index.js';

/** The toolkit's type requires error objects of graphql-js, but parsed JSON has plain objects; it shows these too. */
type Results = AsyncIterableIterator<never>;

/**
 * Sends queries with the cookie, and subscriptions with the live client.
 *
 * Subscriptions are iterated here and not by the toolkit, which would throw their final error a second time as an
 * uncaught error of the page.
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

/** Describes what has ended a subscription. */
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
