import { gql, type ApolloClient } from '@apollo/client';
import type { Client as UrqlClient } from '@urql/core';
import type { Client } from 'graphql-ws';
import type { INetwork, RequestParameters } from 'relay-runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pipe, subscribe as follow } from 'wonka';
import { WebSocket } from 'ws';
import { createLiveClient } from '../client/index.js';
import { GRAPHQL_PATH } from '../src/protocol/payload.js';
import { Inbox } from '../src/testing/inbox.js';
import { liveClient } from './kit/live-client.js';
import { notify } from './kit/publish.js';
import { importFromReadme } from './kit/readme-module.js';
import { startServer, type SignedIn, type TestServer } from './kit/server.js';

const DOCUMENT = 'subscription Titles { notifications { title } }';
const README = 'client/README.md';

/** Subscribes with a library on top of a graphql-ws client and puts each title into the inbox. */
type Library = (client: Client, url: string, titles: Inbox<string>) => Promise<() => void>;
type Titled = { notifications: { title: string } };

const libraries: Record<string, Library> = {
  'graphql-ws itself': async (client, _, titles) => client.subscribe<Titled>({ query: DOCUMENT }, sinkOf(titles)),

  'Apollo Client': async (client, url, titles) => {
    const { apolloWith } = await importFromReadme<{ apolloWith(client: Client, url: string): ApolloClient }>(
      README,
      '### Apollo Client',
    );
    const apollo = apolloWith(client, url);
    expect(
      (
        await apollo.query<object>({
          query: gql`
            {
              __typename
            }
          `,
        })
      ).data,
    ).toEqual({ __typename: 'Query' });
    const running = apollo.subscribe<Titled>({ query: gql(DOCUMENT) }).subscribe({
      next: ({ data, error }) =>
        data ? titles.put(data.notifications.title) : titles.end(error?.message ?? 'no data'),
    });
    return () => running.unsubscribe();
  },

  urql: async (client, url, titles) => {
    const { urqlWith } = await importFromReadme<{ urqlWith(client: Client, url: string): UrqlClient }>(
      README,
      '### urql',
    );
    const urql = urqlWith(client, url);
    expect((await urql.query('{ __typename }', {}).toPromise()).data).toEqual({ __typename: 'Query' });
    const source = urql.subscription<Titled>(DOCUMENT, {});
    return pipe(
      source,
      follow(({ data, error }) =>
        data ? titles.put(data.notifications.title) : titles.end(error?.message ?? 'no data'),
      ),
    ).unsubscribe;
  },

  Relay: async (client, url, titles) => {
    const { relayWith } = await importFromReadme<{ relayWith(client: Client, url: string): INetwork }>(
      README,
      '### Relay',
    );
    const network = relayWith(client, url);
    const operation = (operationKind: string, name: string, text: string): RequestParameters =>
      ({ operationKind, name, text, id: null, cacheID: name, metadata: {} }) as RequestParameters;
    const answer = await network.execute(operation('query', 'Q', 'query Q { __typename }'), {}, {}).toPromise();
    expect(answer).toMatchObject({ data: { __typename: 'Query' } });
    const running = network.execute(operation('subscription', 'Titles', DOCUMENT), {}, {}).subscribe({
      next: (value) => titles.put((value as { data: Titled }).data.notifications.title),
      error: (error: unknown) => titles.end(String(error)),
    });
    return () => running.unsubscribe();
  },
};

function sinkOf(titles: Inbox<string>) {
  return {
    next: ({ data }: { data?: Titled | null | undefined }) => data && titles.put(data.notifications.title),
    error: (error: unknown) => titles.end(String(error)),
    complete: () => titles.end('complete'),
  };
}

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600' } });
});

afterAll(() => server.stop());

/** Publishes until the first event arrives: the library does not tell when it has subscribed. */
async function greet(person: SignedIn, titles: Inbox<string>): Promise<void> {
  const greeting = setInterval(() => void notify(server, person.viewerId, 'hello'), 50);
  await titles.take((title) => title === 'hello').finally(() => clearInterval(greeting));
}

describe.each(Object.entries(libraries))('%s', (_, library) => {
  it('works with an unmodified graphql-ws client, live only', async () => {
    const ada = await server.signedIn();
    const client = liveClient(server.url, () => ada.browser.token());
    const titles = new Inbox<string>();
    const stop = await library(client, server.url + GRAPHQL_PATH, titles);
    await greet(ada, titles);
    await notify(server, ada.viewerId, 'news');
    expect(await titles.take((title) => title === 'news')).toBe('news');
    stop();
    await client.dispose();
  });

  it('works with the live client, and misses nothing while its connection is cut', async () => {
    const ada = await server.signedIn();
    const client = createLiveClient({
      url: server.url + GRAPHQL_PATH,
      webSocketImpl: WebSocket,
      getToken: () => ada.browser.token(),
    });
    const titles = new Inbox<string>();
    const stop = await library(client, server.url + GRAPHQL_PATH, titles);
    await greet(ada, titles);
    client.terminate();
    for (const title of ['one', 'two', 'three']) await notify(server, ada.viewerId, title);
    const isNumbered = (title: string): boolean => title !== 'hello';
    expect([await titles.take(isNumbered), await titles.take(isNumbered), await titles.take(isNumbered)]).toEqual([
      'one',
      'two',
      'three',
    ]);
    await notify(server, ada.viewerId, 'last');
    expect(await titles.take(isNumbered)).toBe('last');
    stop();
    await client.dispose();
  });
});
