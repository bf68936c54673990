import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Controller, Get, Injectable, Module, Scope } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { Context, GraphQLModule, Int, Resolver, Subscription } from '@nestjs/graphql';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it } from 'vitest';
import {
  CloseCode,
  CurrentViewer,
  defineFeed,
  FeedModule,
  Sallyport,
  SallyportModule,
  type SallyportOptions,
  UnavailableError,
  type Viewer,
  type ViewerId,
  viewerId,
} from '../src/index.js';
import { connectAs, startSallyport, type TestApp, TestSessions } from '../src/testing/index.js';
import { ShopResolver } from './kit/host-app/app.js';

const ADA = viewerId('app', 'ada');
const KEY = 'q7Zr2LmX0vKc9TfWbN4yHs8DgUe1PaJo5iQwRtYk';

let live: TestApp | null = null;
afterEach(async () => {
  await live?.stop();
  live = null;
});

it('an event of a feed with deliverWithin waits for that long, and no longer than until an event of another feed', async () => {
  const settings = {
    type: Int,
    history: { events: 5, seconds: 60 },
    onSubscribe: 'nothing',
    slowReader: 'close',
  } as const;
  const CalmFeed = defineFeed<number>({ ...settings, name: 'calm', field: 'calm', deliverWithin: 300 });
  const PromptFeed = defineFeed<number>({ ...settings, name: 'prompt', field: 'prompt' });
  live = await startSallyport({ imports: [FeedModule.of(CalmFeed), FeedModule.of(PromptFeed)] });
  const socket = await live.connect(ADA);
  await socket.subscribed('1', 'subscription { calm }');
  await socket.subscribed('2', 'subscription { prompt }');

  const waitOf = async (calm: number): Promise<number> => {
    const publishedMs = performance.now();
    await live!.sallyport.publish(CalmFeed, ADA, calm);
    expect((await socket.waitForNext('1')).data).toEqual({ calm });
    return performance.now() - publishedMs;
  };
  // A keep-alive ping is written at once, and what waits with it: one event in some seconds may come early.
  expect(Math.max(await waitOf(1), await waitOf(1), await waitOf(1))).toBeGreaterThan(290);

  await live.sallyport.publish(CalmFeed, ADA, 2);
  await live.sallyport.publish(PromptFeed, ADA, 3);
  const order = [socket.waitForNext('1').then(() => 'calm'), socket.waitForNext('2').then(() => 'prompt')];
  expect(await Promise.race(order)).toBe('calm');
  await Promise.all(order);
});

it('each of several events has the payload of its feed, by its type and when it is published', async () => {
  const settings = { history: { events: 5, seconds: 60 }, onSubscribe: 'nothing', slowReader: 'close' } as const;
  const CountFeed = defineFeed<number>({ ...settings, name: 'count', field: 'count', type: Int });
  const NoteFeed = defineFeed<string>({ ...settings, name: 'note', field: 'note', type: String });
  live = await startSallyport({ imports: [FeedModule.of(CountFeed), FeedModule.of(NoteFeed)] });
  const published = await live.sallyport.publishAll([
    { feed: CountFeed, viewer: ADA, payload: 1 },
    { feed: NoteFeed, viewer: ADA, payload: 'one' },
    // @ts-expect-error -- of another feed
    { feed: CountFeed, viewer: ADA, payload: 'one' },
    { feed: 'count', viewer: ADA, payload: 'one' },
  ]);
  expect(published.map((result) => 'cursor' in result)).toEqual([true, true, false, false]);
  const counts = [1, 2].map((payload) => ({ feed: CountFeed, viewer: ADA, payload }));
  expect(await live.sallyport.publishAll(counts)).toHaveLength(2);
});

describe('the context option', () => {
  type Context = NonNullable<SallyportOptions['context']>;

  it.each<[string, Context]>([
    ['at once', ({ viewer }) => ({ req: { user: viewer.id } })],
    ['later', async ({ viewer }) => ({ req: { user: viewer.id } })],
  ])('adds fields for resolvers and guards, %s', async (_, context) => {
    @Resolver()
    class WhoResolver {
      @Subscription(() => String, { resolve: (value: string) => value })
      async *who(@CurrentViewer() { id }: Viewer, @Context('req') { user }: { user: string }): AsyncGenerator<string> {
        yield `${id} is ${user}`;
      }
    }
    live = await startSallyport({ providers: [WhoResolver], sallyport: { context } });
    const socket = await live.connect(ADA);
    socket.subscribe('1', 'subscription { who }');
    expect((await socket.waitForNext('1')).data).toEqual({ who: `${ADA} is ${ADA}` });
  });

  it.each<[string, Context]>([
    [
      'throws',
      () => {
        throw new Error('no database');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database'))],
  ])('closes the socket with 1011 if it %s', async (_, context) => {
    live = await startSallyport({ sallyport: { context } });
    await expect(live.connect(ADA)).rejects.toThrow('1011');
  });

  it('admits no socket whose session ends before it has returned', async () => {
    const context = async (): Promise<object> => {
      await live!.sallyport.revokeSession('one');
      return {};
    };
    live = await startSallyport({ sallyport: { context } });
    await expect(live.connect(ADA, 'one')).rejects.toThrow('4401');
  });
});

it('a request-scoped provider lives as long as one subscription', async () => {
  let created = 0;
  @Injectable({ scope: Scope.REQUEST })
  class Loader {
    readonly number = ++created;
  }
  @Resolver()
  class LoaderResolver {
    constructor(private readonly perSubscription: Loader) {}

    @Subscription(() => Int, { resolve: (value: number) => value })
    async *loader(): AsyncGenerator<number> {
      yield this.perSubscription.number;
    }
  }
  live = await startSallyport({ providers: [Loader, LoaderResolver] });
  const socket = await live.connect(ADA);
  for (const id of ['1', '2']) {
    socket.subscribe(id, 'subscription { loader }');
    expect((await socket.waitForNext(id)).data).toEqual({ loader: Number(id) });
  }
});

it('a service that the options need injects Sallyport, and ends a session with it', async () => {
  @Injectable()
  class SessionService extends TestSessions {
    constructor(private readonly sallyport: Sallyport) {
      super();
    }

    revoke(session: string): Promise<void> {
      return this.sallyport.revokeSession(session);
    }
  }
  @Module({ providers: [SessionService], exports: [SessionService] })
  class SessionModule {}
  @Module({
    imports: [
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
      SallyportModule.forRootAsync({
        imports: [SessionModule],
        inject: [SessionService],
        useFactory: (sessions: SessionService) => ({ secretKeys: [KEY], sessions }),
      }),
    ],
    providers: [ShopResolver],
  })
  class AppModule {}
  const app = await NestFactory.create(AppModule, new ExpressAdapter(), { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  const socket = await connectAs(app, await app.getUrl(), { viewer: ADA, session: 'one' });
  await app.get(SessionService, { strict: false }).revoke('one');
  expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
  await app.close();
});

it('the hooks of the service that keeps sessions run once', async () => {
  const calls: string[] = [];
  @Injectable()
  class SessionService extends TestSessions {
    onModuleInit = () => void calls.push('init');
    onApplicationBootstrap = () => void calls.push('bootstrap');
    onModuleDestroy = () => void calls.push('destroy');
    beforeApplicationShutdown = () => void calls.push('before shutdown');
    onApplicationShutdown = () => void calls.push('shutdown');
  }
  @Module({ providers: [SessionService], exports: [SessionService] })
  class SessionModule {}
  const sallyport = SallyportModule.forRootAsync({
    imports: [SessionModule],
    inject: [SessionService],
    useFactory: (sessions: SessionService) => ({ secretKeys: [KEY], sessions }),
  });
  @Module({
    imports: [GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }), sallyport],
    providers: [ShopResolver],
  })
  class AppModule {}
  const app = await NestFactory.create(AppModule, new ExpressAdapter(), { logger: false, abortOnError: false });
  await app.init();
  await app.close();
  expect(calls).toEqual(['init', 'bootstrap', 'destroy', 'before shutdown', 'shutdown']);
});

it.each([
  ['a session that is no text', { viewer: ADA, session: 7 }],
  ['a session that could be an identity provider’s', { viewer: ADA, session: 'external:acme:1' }],
  ['a session with a space', { viewer: ADA, session: 'a b' }],
  ['a viewer that is none', { viewer: 'ada', session: 'one' }],
  ['a viewer of two lines', { viewer: 'external:app:a\nb', session: 'one' }],
])('a session port that reads %s fails, and gives no token', async (_, answer) => {
  live = await startSallyport();
  await expect(live.sallyport.connectionToken(answer)).rejects.toThrow(/sessions.read must/);
});

function recordingLogger() {
  const errors: [object, string?][] = [];
  const ignore = () => {};
  const error = (...line: [object, string?]) => void errors.push(line);
  return { logger: { debug: ignore, info: ignore, warn: ignore, error }, errors };
}

it.each<[string, () => never | Promise<never>, string]>([
  [
    'throws',
    () => {
      throw new Error('no session middleware');
    },
    'no session middleware',
  ],
  ['does not answer', () => new Promise<never>(() => {}), 'no answer within 3000 ms'],
])('a session port whose `read` %s gives no token, and the cause is logged', async (_, read, cause) => {
  const { logger, errors } = recordingLogger();
  live = await startSallyport({ sallyport: { logger } });
  live.sessions.read = read as () => never;
  await expect(live.sallyport.connectionToken({})).rejects.toBeInstanceOf(UnavailableError);
  expect(errors).toEqual([
    [{ err: expect.objectContaining({ message: cause }) }, expect.stringMatching(/^sessions.read failed/)],
  ]);
});

it('a session port whose `status` throws refuses sockets, and the error is logged once, with its stack', async () => {
  const { logger, errors } = recordingLogger();
  live = await startSallyport({ sallyport: { logger } });
  const error = new Error('no such table');
  live.sessions.status = () => {
    throw error;
  };
  for (const _ of [1, 2]) await expect(live.connect(ADA)).rejects.toThrow('1013');
  expect(errors.filter(([facts]) => 'err' in facts)).toEqual([[{ err: error }, 'sessions.status failed']]);
});

it.each<[string, () => AbstractHttpAdapter]>([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('a route of the application on %s that meets an unavailable store answers 503', async (_, adapter) => {
  @Controller()
  class TokenController {
    @Get('/token')
    token(): never {
      throw new UnavailableError();
    }
  }
  @Module({ controllers: [TokenController] })
  class TokenModule {}
  live = await startSallyport({ imports: [TokenModule], adapter: adapter() });
  const answer = await fetch(`${live.url}/token`);
  expect([answer.status, await answer.json()]).toEqual([
    503,
    { statusCode: 503, message: expect.stringContaining('try again in a moment') },
  ]);
});

it.each<[string, (sallyport: Sallyport) => Promise<void>]>([
  ['revokeViewer: viewer must be a viewer id: user:', (sallyport) => sallyport.revokeViewer('ada' as ViewerId)],
  ['revokeViewer: viewer must be a viewer id: user:', (sallyport) => sallyport.revokeViewer(undefined as never)],
  ['revokeSession: session must be a session id of 1 to 200', (sallyport) => sallyport.revokeSession('')],
  ['revokeSession: session must be a session id of 1 to 200', (sallyport) => sallyport.revokeSession(42 as never)],
  ['not beginning with external:', (sallyport) => sallyport.revokeSession('external:acme:one')],
])('a revocation of nobody fails: %s', async (message, revoke) => {
  live = await startSallyport();
  const failure = await revoke(live.sallyport).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(TypeError);
  expect((failure as Error).message).toContain(message);
});

it('a session whose time has passed is over, though `status` still names it', async () => {
  live = await startSallyport();
  const end = new Date(Date.now() + 1_000);
  live.sessions.status = (ids) => new Map(ids.map((id) => [id, end]));
  const socket = await live.connect(ADA, 'one');
  expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
  await expect(live.connect(ADA, 'one')).rejects.toThrow('4401');
});
