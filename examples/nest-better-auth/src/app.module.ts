import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { FeedModule, SallyportModule } from 'sallyport';
import { LiveTokenController } from './live-token.controller.js';
import { OrderStatusFeed } from './order-status.feed.js';
import { OrdersController } from './orders.controller.js';
import { sessionPort } from './sessions.js';
import { settings } from './settings.js';
import { ShopResolver } from './shop.resolver.js';

@Module({
  imports: [
    GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
    SallyportModule.forRoot({ secretKeys: settings.secretKeys, sessions: sessionPort }),
    FeedModule.of(OrderStatusFeed),
  ],
  controllers: [LiveTokenController, OrdersController],
  providers: [ShopResolver],
})
export class AppModule {}
