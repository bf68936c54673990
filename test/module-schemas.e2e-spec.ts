import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { ExpressAdapter } from '@nestjs/platform-express';
import { describe, expect, it } from 'vitest';
import { FeedModule, Sallyport, SallyportModule, viewerId } from '../src/index.js';
import { connectAs, TestSessions } from '../src/testing/index.js';
import { OrderStatusFeed } from './kit/host-app/app.js';

const KEY = 'q7Zr2LmX0vKc9TfWbN4yHs8DgUe1PaJo5iQwRtYk';

@Resolver()
class AdminResolver {
  @Query(() => String)
  admin(): string {
    return 'admin';
  }
}

@Module({ providers: [AdminResolver] })
class AdminModule {}

@Resolver()
class PublicResolver {
  @Query(() => String)
  version(): string {
    return '1';
  }
}

@Module({ providers: [PublicResolver] })
class PublicModule {}

function graphql(path: string, include: NonNullable<ApolloDriverConfig['include']>) {
  return GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    autoSchemaFile: true,
    useGlobalPrefix: true,
    path,
    include,
  });
}

describe('of two GraphQLModules', () => {
  /** Starts an application with a schema with a feed at `/public` and, after it, one at `/admin`. */
  async function start(path: string, prefix: string): Promise<INestApplication> {
    @Module({
      imports: [
        graphql('/public', [PublicModule, FeedModule]),
        graphql('/admin', [AdminModule]),
        AdminModule,
        PublicModule,
        SallyportModule.forRoot({
          secretKeys: [KEY],
          sessions: new TestSessions(),
          path,
        }),
        FeedModule.of(OrderStatusFeed),
      ],
    })
    class AppModule {}
    const app = await NestFactory.create(AppModule, new ExpressAdapter(), { logger: false, abortOnError: false });
    await app.setGlobalPrefix(prefix).listen(0, '127.0.0.1');
    return app;
  }

  it.each([
    ['/public', ''],
    ['/api/public', 'api'],
  ])('the one at the path %s serves the sockets', async (path, prefix) => {
    const app = await start(path, prefix);
    const viewer = viewerId('app', 'ada');
    const socket = await connectAs(app, await app.getUrl(), { viewer, session: 'one' }, path);
    await socket.subscribed('1', 'subscription { orderStatus { state } }');
    await app.get(Sallyport).publish(OrderStatusFeed, viewer, { order: '1', state: 'paid' });
    expect((await socket.waitForNext('1')).data).toEqual({ orderStatus: { state: 'paid' } });
    socket.ws.terminate();
    await app.close();
  });

  it('one has to be at the path', async () => {
    await expect(start('/graphql', '')).rejects.toThrow(/several GraphQLModules, and none at \/graphql: give/);
  });
});

describe('a GraphQLModule that opens sockets of its own', () => {
  type Subscriptions = NonNullable<ApolloDriverConfig['subscriptions']>;

  /** Starts an application with the global prefix `api`, and Sallyport at a path. */
  async function start(path: string, subscriptions: Subscriptions): Promise<INestApplication> {
    @Module({
      imports: [
        GraphQLModule.forRoot<ApolloDriverConfig>({
          driver: ApolloDriver,
          autoSchemaFile: true,
          useGlobalPrefix: true,
          subscriptions,
        }),
        SallyportModule.forRoot({ secretKeys: [KEY], sessions: new TestSessions(), path }),
        PublicModule,
      ],
    })
    class AppModule {}
    const app = await NestFactory.create(AppModule, new ExpressAdapter(), { logger: false, abortOnError: false });
    return app.setGlobalPrefix('api').init();
  }

  it('is refused if they are at the path of Sallyport, with the global prefix', async () => {
    await expect(start('/api/graphql', { 'graphql-ws': true })).rejects.toThrow(
      /its own sockets at \/api\/graphql: rem/,
    );
  });

  it.each<[string, Subscriptions]>([
    ['they are at the path of Sallyport only without the global prefix', { 'graphql-ws': true }],
    ['its options say that it opens none', { 'graphql-ws': undefined as never }],
  ])('is accepted if %s', async (_, subscriptions) => {
    await (await start('/graphql', subscriptions)).close();
  });
});
