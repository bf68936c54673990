import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { FeedModule, SallyportModule } from 'sallyport';
import { AccountController } from './account.controller';
import { OrderStatusFeed } from './order-status.feed';
import { OrdersController } from './orders.controller';
import { sessionPort } from './sessions';
import { settings } from './settings';
import { ShopResolver } from './shop.resolver';

@Module({
  imports: [
    GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
    SallyportModule.forRoot({
      secretKeys: settings.secretKeys,
      sessions: sessionPort,
      store: { kind: 'redis', url: settings.redisUrl },
    }),
    FeedModule.of(OrderStatusFeed),
  ],
  controllers: [AccountController, OrdersController],
  providers: [ShopResolver],
})
export class AppModule {}
