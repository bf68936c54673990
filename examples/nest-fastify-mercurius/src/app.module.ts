import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { FeedModule, SallyportModule, type SallyportOptions } from 'sallyport';
import { AccountController } from './account.controller.js';
import { OrderStatusFeed } from './order-status.feed.js';
import { OrdersController } from './orders.controller.js';
import { SessionModule } from './session.module.js';
import { SessionService } from './session.service.js';
import { settings } from './settings.js';
import { ShopResolver } from './shop.resolver.js';

@Module({
  imports: [
    SessionModule,
    GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true }),
    SallyportModule.forRootAsync({
      imports: [SessionModule],
      inject: [SessionService],
      useFactory: (sessions: SessionService): SallyportOptions => ({ secretKeys: settings.secretKeys, sessions }),
    }),
    FeedModule.of(OrderStatusFeed),
  ],
  controllers: [AccountController, OrdersController],
  providers: [ShopResolver],
})
export class AppModule {}
