import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  Module,
  type ModuleMetadata,
  Scope,
  type Type,
  ValidationPipe,
} from '@nestjs/common';
import { type AbstractHttpAdapter, APP_GUARD, APP_PIPE, HttpAdapterHost, NestFactory } from '@nestjs/core';
import { Args, GqlExecutionContext, GraphQLModule, Int, Resolver, Subscription } from '@nestjs/graphql';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import {
  CurrentViewer,
  defineFeed,
  FeedModule,
  Sallyport,
  type SallyportAsyncOptions,
  SallyportModule,
  type SallyportOptions,
  type SallyportOptionsFactory,
  topicOf,
  TopicBus,
  TopicStream,
  type Viewer,
  viewerId,
} from '../src/index.js';
import { connectAs, startSallyport, type TestApp, TestSessions } from '../src/testing/index.js';
import { OrderStatusFeed, ShopResolver } from './kit/host-app/app.js';

const ADA = viewerId('app', 'ada');
const KEY = 'q7Zr2LmX0vKc9TfWbN4yHs8DgUe1PaJo5iQwRtYk';
const OPTIONS: SallyportOptions = { secretKeys: [KEY], sessions: new TestSessions() };
const SETTINGS = { logger: false, abortOnError: false } as const;

function moduleOf(imports: NonNullable<ModuleMetadata['imports']>, more: ModuleMetadata = {}): Type {
  @Module({ imports, ...more, providers: [ShopResolver, ...(more.providers ?? [])] })
  class AppModule {}
  return AppModule;
}

function graphql(options: Partial<ApolloDriverConfig> = {}) {
  return GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, ...options });
}

/** Returns the error of an application's start, or null if it starts. */
async function failureOf(module: Type, adapter = new ExpressAdapter()): Promise<string | null> {
  try {
    const app = await NestFactory.create(module, adapter, SETTINGS);
    await app.init();
    await app.close();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

let live: TestApp | null = null;
afterEach(async () => {
  await live?.stop();
  live = null;
});

describe('a wrong option fails the start, by its path', () => {
  it.each<[string, object]>([
    ['secretKeys: must be a list', { secretKeys: undefined }],
    ['secretKeys: must be a list', { secretKeys: [] }],
    ['secretKeys[1]: must be 32 random bytes', { secretKeys: [KEY, 'short'] }],
    ['secretKeys[0]: must be 32 random bytes', { secretKeys: ['a'.repeat(64)] }],
    ['sessions: is missing', { sessions: undefined }],
    ['sessions.status: must be a function', { sessions: { read: () => null } }],
    ["store.kind: must be 'memory', 'redis' or 'postgres'", { store: { kind: 'mysql' } }],
    ['store.url: must be a PostgreSQL URL', { store: { kind: 'postgres', url: 'localhost:5432' } }],
    ['store.url: must be a PostgreSQL URL', { store: { kind: 'postgres' } }],
    [
      'store.listenUrl: must be a PostgreSQL URL',
      { store: { kind: 'postgres', url: 'postgres://a/b', listenUrl: '' } },
    ],
    ['store.url: must be a Redis URL', { store: { kind: 'redis', url: 'localhost' } }],
    ['path: must be a path', { path: 'graphql' }],
    ['allowedOrigins[1]: must be an origin', { allowedOrigins: ['https://a.example', 'https://a.example/app'] }],
    ['trustedProxies[0]: must be an address', { trustedProxies: ['proxy'] }],
    ['trustedProxies[1]: must be an address', { trustedProxies: ['10.0.0.0/8', '0.0.0.0/0'] }],
    ['limits.throttleExempt[0]: must be an address', { limits: { throttleExempt: ['::/0'] } }],
    ['token.ttlSeconds: must be a whole number from 1 to 3600', { token: { ttlSeconds: 0 } }],
    ['token.ttlSecond: is not an option', { token: { ttlSecond: 30 } }],
    ['store.listenURL: is not an option', { store: { kind: 'postgres', url: 'postgres://a/b', listenURL: '' } }],
    ['store.url: is not an option of', { store: { kind: 'memory', url: 'redis://a' } }],
    ['store.listenUrl: is not an option of', { store: { kind: 'redis', url: 'redis://a', listenUrl: 'redis://b' } }],
    ['limits.maxConnections: must be a whole number', { limits: { maxConnections: -1 } }],
    ['limits.maxConections: is not a limit', { limits: { maxConections: 1 } }],
    ['seesions: is not an option', { seesions: {} }],
    ['logger: must be a pino logger', { logger: {} }],
  ])('%s', async (message, wrong) => {
    const given = { ...OPTIONS, ...wrong } as SallyportOptions;
    expect(await failureOf(moduleOf([graphql(), SallyportModule.forRoot(given)]))).toContain(message);
  });

  it('reports all of them at once, without values', async () => {
    const wrong = { secretKeys: ['hunter2'], path: 'nowhere' } as unknown as SallyportOptions;
    const failure = await failureOf(moduleOf([graphql(), SallyportModule.forRoot(wrong)]));
    expect(failure).toMatch(/secretKeys\[0\][^]*sessions[^]*path/);
    expect(failure).not.toContain('hunter2');
  });
});

describe('an application in which the socket cannot work does not start, and says why', () => {
  it('two modules with options', async () => {
    const modules = [SallyportModule.forRoot(OPTIONS), SallyportModule.forRoot({ ...OPTIONS, path: '/live' })];
    expect(await failureOf(moduleOf([graphql(), ...modules]))).toMatch(/imported twice.*forRoot.*once/);
  });

  it.each<[string, Partial<ApolloDriverConfig>]>([
    ['graphql-ws', { subscriptions: { 'graphql-ws': true } }],
    ['graphql-ws on the same path by name', { subscriptions: { 'graphql-ws': { path: '/graphql' } }, path: '/api' }],
  ])('a GraphQLModule with %s of its own', async (_, options) => {
    const module = moduleOf([graphql(options), SallyportModule.forRoot(OPTIONS)]);
    expect(await failureOf(module)).toMatch(/GraphQLModule opens its own sockets at \/graphql: remove/);
  });

  it('a GraphQLModule with sockets on another path is accepted', async () => {
    const module = moduleOf([
      graphql({ subscriptions: { 'graphql-ws': { path: '/other' } } }),
      SallyportModule.forRoot(OPTIONS),
      FeedModule.of(OrderStatusFeed),
    ]);
    expect(await failureOf(module)).toBeNull();
  });

  it('options that need a request-scoped provider', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class RequestSessions extends TestSessions {}
    const factory = { inject: [RequestSessions], useFactory: (sessions: TestSessions) => ({ ...OPTIONS, sessions }) };
    @Module({ providers: [RequestSessions], exports: [RequestSessions] })
    class SessionModule {}
    const sallyport = SallyportModule.forRootAsync({ imports: [SessionModule], ...factory });
    expect(await failureOf(moduleOf([graphql(), sallyport]))).toMatch(/the options need a request-scoped provider/);
  });

  it("an HTTP adapter whose server is not Node's", async () => {
    class EdgeAdapter extends ExpressAdapter {
      override getHttpServer(): never {
        return { listen() {}, once() {} } as never;
      }
    }
    const failure = await failureOf(moduleOf([SallyportModule.forRoot(OPTIONS)]), new EdgeAdapter());
    expect(failure).toMatch(/EdgeAdapter does not use a Node.js HTTP server.*platform-express/);
  });
});

describe('two feeds', () => {
  const feed = (name: string, field: string) =>
    defineFeed<number>({
      name,
      field,
      type: Int,
      history: { events: 5, seconds: 60 },
      onSubscribe: 'nothing',
      slowReader: 'close',
    });
  const failure = (...feeds: ReturnType<typeof FeedModule.of>[]) =>
    failureOf(moduleOf([graphql(), SallyportModule.forRoot(OPTIONS), ...feeds]));

  it('of one topic or one field do not start, nor does one that is added twice', async () => {
    const [paid, other] = [FeedModule.of(feed('paid', 'one')), FeedModule.of(feed('paid', 'other'))];
    expect(await failure(paid, other)).toContain('Two feeds claim the topic "paid"');
    expect(await failure(paid, FeedModule.of(feed('sent', 'one')))).toContain('Two feeds claim the field "one"');
    const sent = feed('sent', 'sent');
    expect(await failure(FeedModule.of(sent), FeedModule.of(sent))).toContain('Feed "sent" is added twice');
  });

  it('share a field that a resolver of the application serves', async () => {
    const [europe, asia] = [feed('orders_europe', 'orders'), feed('orders_asia', 'orders')];
    @Resolver()
    class OrdersResolver {
      constructor(private readonly bus: TopicBus) {}

      @Subscription(() => Int, { name: 'orders' })
      orders(@CurrentViewer() viewer: Viewer, @Args('asia', { type: () => Boolean }) isAsia: boolean) {
        return new TopicStream<number>(this.bus, topicOf((isAsia ? asia : europe).topic, viewer.id));
      }
    }
    expect(await failure(FeedModule.of(europe, OrdersResolver), FeedModule.of(asia, OrdersResolver))).toBeNull();
  });
});

it('an application context without HTTP publishes and opens no socket', async () => {
  const context = await NestFactory.createApplicationContext(
    moduleOf([graphql(), SallyportModule.forRoot(OPTIONS), FeedModule.of(OrderStatusFeed)]),
    SETTINGS,
  );
  const event = { order: '1', state: 'paid' };
  expect(await context.get(Sallyport).publish(OrderStatusFeed, ADA, event)).toHaveProperty('cursor');
  await context.close();
});

it('an application without a GraphQLModule publishes, and answers an upgrade itself', async () => {
  const module = moduleOf([SallyportModule.forRoot(OPTIONS), FeedModule.of(OrderStatusFeed)]);
  const app = await NestFactory.create(module, new ExpressAdapter(), SETTINGS);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  await expect(connectAs(app, url, { viewer: ADA, session: 'one' })).rejects.toThrow('404');
  const event = { order: '1', state: 'paid' };
  expect(await app.get(Sallyport).publish(OrderStatusFeed, ADA, event)).toHaveProperty('cursor');
  await app.close();
});

describe('besides the upgrades of the application', () => {
  /** Handles upgrades as Nest's WsAdapter does: it accepts its own path and destroys every other socket. */
  function otherSockets(app: TestApp): void {
    const sockets = new WebSocketServer({ noServer: true });
    const server = app.app.get(HttpAdapterHost).httpAdapter.getHttpServer() as Server;
    server.on('upgrade', (request, socket, head) => {
      if (request.url !== '/chat') socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
      else sockets.handleUpgrade(request, socket, head, (ws) => ws.send('hello from the chat'));
    });
  }

  it('each socket reaches its own server', async () => {
    live = await startSallyport({ imports: [FeedModule.of(OrderStatusFeed)] });
    otherSockets(live);
    const socket = await live.connect(ADA);
    await socket.subscribed('1', 'subscription { orderStatus { state } }');
    const chat = new WebSocket(`${live.url.replace('http', 'ws')}/chat`);
    const [hello] = (await once(chat, 'message')) as [Buffer];
    expect(hello.toString()).toBe('hello from the chat');
    chat.terminate();
    await socket.settled();
  });

  it('an unknown path is answered by the application if it listens for upgrades, else with 404', async () => {
    live = await startSallyport();
    const url = `${live.url.replace('http', 'ws')}/nowhere`;
    const refusal = async (): Promise<string> => ((await once(new WebSocket(url), 'error')) as [Error])[0].message;
    expect(await refusal()).toContain('404');
    otherSockets(live);
    expect(await refusal()).toContain('400');
  });
});

it.each<[string, () => AbstractHttpAdapter]>([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('an app with Apollo on %s stops with open sockets, and they hear 1012', async (_, adapter) => {
  const module = moduleOf([graphql(), SallyportModule.forRoot(OPTIONS), FeedModule.of(OrderStatusFeed)]);
  const app = await NestFactory.create(module, adapter(), SETTINGS);
  await app.listen(0, '127.0.0.1');
  const socket = await connectAs(app, await app.getUrl(), { viewer: ADA, session: 'one' });
  await Promise.all([app.close(), expect(socket.waitForClose()).resolves.toMatchObject({ code: 1012 })]);
});

it('another path is the only one that opens a socket', async () => {
  live = await startSallyport({ sallyport: { path: '/live' } });
  await (await live.connect(ADA)).close();
  const [error] = (await once(new WebSocket(`${live.url.replace('http', 'ws')}/graphql`), 'error')) as [Error];
  expect(error.message).toContain('404');
});

it('a custom resolver serves the viewer’s topic, with an argument', async () => {
  const OrderEventsFeed = defineFeed<number>({
    name: 'order_events',
    field: 'orderEvents',
    type: Int,
    history: { events: 5, seconds: 60 },
    onSubscribe: 'nothing',
    slowReader: 'close',
  });
  @Resolver()
  class OneOrderResolver {
    constructor(private readonly bus: TopicBus) {}

    @Subscription(() => Int, { name: 'orderEvents' })
    orderEvents(@CurrentViewer() viewer: Viewer, @Args('skip', { nullable: true, type: () => Int }) _skip?: number) {
      return new TopicStream(this.bus, topicOf(OrderEventsFeed.topic, viewer.id));
    }
  }
  live = await startSallyport({ imports: [FeedModule.of(OrderEventsFeed, OneOrderResolver)] });
  const socket = await live.connect(ADA);
  await socket.subscribed('1', 'subscription { orderEvents(skip: 1) }');
  await live.sallyport.publish(OrderEventsFeed, ADA, 7);
  expect((await socket.waitForNext('1')).data).toEqual({ orderEvents: 7 });
});

it('a controller of the application still works', async () => {
  @Controller()
  class PingController {
    @Get('/ping')
    ping(): string {
      return 'pong';
    }
  }
  @Module({ controllers: [PingController] })
  class PingModule {}
  live = await startSallyport({ imports: [PingModule] });
  expect(await (await fetch(`${live.url}/ping`)).text()).toBe('pong');
});

it('global guards, pipes and interceptors of the application run for subscriptions too', async () => {
  const seen: string[] = [];
  @Injectable()
  class NoMalloryGuard implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      const { viewer } = GqlExecutionContext.create(context).getContext<{ viewer: Viewer }>();
      seen.push(viewer.id);
      return viewer.id !== viewerId('app', 'mallory');
    }
  }
  live = await startSallyport({
    imports: [FeedModule.of(OrderStatusFeed)],
    providers: [
      { provide: APP_GUARD, useClass: NoMalloryGuard },
      { provide: APP_PIPE, useValue: new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true }) },
    ],
  });
  const [ada, mallory] = [await live.connect(ADA), await live.connect(viewerId('app', 'mallory'))];
  await ada.subscribed('1', 'subscription { orderStatus { state } }');
  mallory.subscribe('1', 'subscription { orderStatus { state } }');
  expect(await mallory.waitForNext('1')).toMatchObject({
    errors: [{ message: 'Forbidden resource', extensions: { code: 'FORBIDDEN' } }],
  });
  expect(seen).toEqual([ADA, viewerId('app', 'mallory')]);
  await live.sallyport.publish(OrderStatusFeed, ADA, { order: '1', state: 'paid' });
  expect((await ada.waitForNext('1')).data).toEqual({ orderStatus: { state: 'paid' } });
});

it('a request that offers h2c at the same path is answered as an ordinary one', async () => {
  const app = await NestFactory.create(
    moduleOf([graphql(), SallyportModule.forRoot(OPTIONS)]),
    new ExpressAdapter(),
    SETTINGS,
  );
  await app.listen(0, '127.0.0.1');
  const { port } = new URL(await app.getUrl());
  const body = JSON.stringify({ query: '{ shop }' });
  const head = `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  const upgrade =
    'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n';
  const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8');
  let answer = '';
  socket.on('data', (chunk) => (answer += String(chunk)));
  socket.write(`${head}${upgrade}\r\n${body}`);
  await once(socket, 'end');
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK[^]*"shop":"open"/);
  await app.close();
});

it('a registry for metrics can be used again once the application is closed, and by one at a time', async () => {
  const metrics = new Registry();
  for (const _ of [1, 2]) {
    live = await startSallyport({ sallyport: { metrics } });
    await live.connect(ADA);
    expect(await metrics.metrics()).toMatch(/^sallyport_sockets 1$/m);
    await expect(startSallyport({ sallyport: { metrics } })).rejects.toThrow(/metrics: the registry already has sally/);
    expect(await metrics.metrics()).toMatch(/^sallyport_sockets 1$/m);
    await live.stop();
    expect(await metrics.metrics()).not.toContain('sallyport');
  }
  live = null;
});

describe('forRootAsync', () => {
  @Injectable()
  class Settings implements SallyportOptionsFactory {
    createSallyportOptions(): SallyportOptions {
      return OPTIONS;
    }
  }
  @Module({ providers: [Settings], exports: [Settings] })
  class SettingsModule {}

  it.each<[string, SallyportAsyncOptions]>([
    [
      'useFactory',
      { imports: [SettingsModule], inject: [Settings], useFactory: (it: Settings) => it.createSallyportOptions() },
    ],
    ['an asynchronous useFactory', { useFactory: () => Promise.resolve(OPTIONS) }],
    ['useClass', { useClass: Settings }],
    ['useExisting', { imports: [SettingsModule], useExisting: Settings }],
  ])('takes its options from %s', async (_, options) => {
    expect(await failureOf(moduleOf([graphql(), SallyportModule.forRootAsync(options)]))).toBeNull();
  });

  it.each<[string, SallyportAsyncOptions]>([
    ['no way', {}],
    ['two ways', { useClass: Settings, useFactory: () => OPTIONS }],
  ])('refuses %s to get them', (_, options) => {
    expect(() => SallyportModule.forRootAsync(options)).toThrow('one of useFactory, useClass and useExisting');
  });
});
