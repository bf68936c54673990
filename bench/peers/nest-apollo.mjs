// NestJS + Apollo on Express with the subscriptions that its docs show: `subscriptions: { 'graphql-ws': … }` and PubSub.
import 'reflect-metadata';
import { ApolloDriver } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Context, GraphQLModule, Int, Query, Resolver, Subscription } from '@nestjs/graphql';
import { PubSub } from 'graphql-subscriptions';
import { decorate } from './decorate.mjs';
import { Present, startEvents } from './event-source.mjs';

const pubsub = new PubSub();
const present = new Present();

class UserCountResolver {
  hello() {
    return 'hello';
  }
  userCount(context) {
    return pubsub.asyncIterableIterator(`user_count:${context.viewer}`);
  }
}
decorate(UserCountResolver, { method: 'hello', on: [Query(() => String)] });
decorate(UserCountResolver, { method: 'userCount', on: [Subscription(() => Int)], parameters: { 0: Context() } });
decorate(UserCountResolver, { on: [Resolver()] });

class AppModule {}
decorate(AppModule, {
  on: [
    Module({
      imports: [
        GraphQLModule.forRoot({
          driver: ApolloDriver,
          autoSchemaFile: true,
          playground: false,
          context: ({ extra }) => ({ viewer: extra?.viewer }),
          subscriptions: {
            'graphql-ws': {
              onConnect: (ctx) => {
                ctx.extra.viewer = ctx.connectionParams.token;
                present.add(ctx.extra.viewer);
              },
              onDisconnect: (ctx) => present.delete(ctx.extra.viewer),
            },
          },
        }),
      ],
      providers: [UserCountResolver],
    }),
  ],
});

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
startEvents(app.getHttpServer().address().port, present.ids, (viewer, userCount) =>
  pubsub.publish(`user_count:${viewer}`, { userCount }),
);
