import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  type CanActivate,
  type DynamicModule,
  type ExecutionContext,
  Injectable,
  Module,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import {
  Args,
  Field,
  GqlExecutionContext,
  GraphQLModule,
  Int,
  ObjectType,
  ResolveField,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IsString } from 'class-validator';
import { describe, expect, it } from 'vitest';
import {
  CurrentViewer,
  defineFeed,
  FeedModule,
  Sallyport,
  SallyportModule,
  topicOf,
  TopicBus,
  TopicStream,
  type Viewer,
  viewerId,
} from '../src/index.js';
import { connectAs, type LiveSocket, startSallyport, TestSessions } from '../src/testing/index.js';
import { OrderStatus, OrderStatusFeed, ShopResolver } from './kit/host-app/app.js';

const ADA = viewerId('app', 'ada');

describe('a custom resolver with `filter`', () => {
  const PriceFeed = defineFeed<number>({
    name: 'price',
    field: 'price',
    type: Int,
    history: { events: 5, seconds: 60 },
    onSubscribe: 'history',
    slowReader: 'close',
  });
  interface Least {
    readonly least: number;
  }
  @Resolver()
  class PriceResolver {
    constructor(private readonly bus: TopicBus) {}

    @Subscription(() => Int, {
      name: 'price',
      filter: ({ price }: { price: number }, { least }: Least) => price >= least,
    })
    price(@CurrentViewer() viewer: Viewer, @Args('least', { type: () => Int }) _least: number) {
      return new TopicStream<number>(this.bus, topicOf(PriceFeed.topic, viewer.id));
    }
  }
  const feed = FeedModule.of(PriceFeed, PriceResolver);

  async function publishAndSubscribe(socket: LiveSocket, sallyport: Sallyport): Promise<void> {
    for (const price of [1, 2, 3]) await sallyport.publish(PriceFeed, ADA, price);
    socket.subscribe('1', 'subscription { price(least: 2) }');
    expect([await socket.waitForNext('1'), await socket.waitForNext('1')]).toEqual([
      { data: { price: 2 } },
      { data: { price: 3 } },
    ]);
    socket.send({ type: 'complete', id: '1' });
    await socket.settled();
    await sallyport.publish(PriceFeed, ADA, 4);
    expect(await socket.settled()).toEqual([]);
  }

  it('delivers what passes, with the test kit', async () => {
    const live = await startSallyport({ imports: [feed] });
    await publishAndSubscribe(await live.connect(ADA), live.sallyport);
    await live.stop();
  });

  it.each<[string, () => AbstractHttpAdapter, DynamicModule]>([
    [
      'Apollo',
      () => new ExpressAdapter(),
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
    ],
    [
      'Mercurius',
      () => new FastifyAdapter(),
      GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true }),
    ],
  ])('delivers what passes, with %s', async (_, adapter, graphql) => {
    const secretKeys = ['q7Zr2LmX0vKc9TfWbN4yHs8DgUe1PaJo5iQwRtYk'];
    const sallyport = SallyportModule.forRoot({ secretKeys, sessions: new TestSessions() });
    @Module({ imports: [graphql, sallyport, feed], providers: [ShopResolver] })
    class AppModule {}
    const app = await NestFactory.create(AppModule, adapter(), { logger: false, abortOnError: false });
    await app.listen(0, '127.0.0.1');
    const socket = await connectAs(app, await app.getUrl(), { viewer: ADA, session: 'one' });
    await publishAndSubscribe(socket, app.get(Sallyport));
    await Promise.all([app.close(), socket.waitForClose()]);
  });
});

it('a custom resolver and its guard inject from the modules that FeedModule.of is given', async () => {
  const VisitsFeed = defineFeed<number>({
    name: 'visits',
    field: 'visits',
    type: Int,
    history: { events: 5, seconds: 60 },
    onSubscribe: 'nothing',
    slowReader: 'close',
  });
  @Injectable()
  class Shops {
    ofViewer({ id }: Viewer): string {
      return `the shop of ${id}`;
    }
  }
  @Module({ providers: [Shops], exports: [Shops] })
  class ShopModule {}
  @Injectable()
  class ShopGuard implements CanActivate {
    constructor(private readonly shops: Shops) {}

    canActivate(context: ExecutionContext): boolean {
      const { viewer } = GqlExecutionContext.create(context).getContext<{ viewer: Viewer }>();
      return this.shops.ofViewer(viewer) === `the shop of ${ADA}`;
    }
  }
  @Resolver()
  class VisitsResolver {
    constructor(
      private readonly bus: TopicBus,
      readonly shops: Shops,
    ) {}

    @UseGuards(ShopGuard)
    @Subscription(() => Int, { name: 'visits' })
    visits(@CurrentViewer() viewer: Viewer) {
      return new TopicStream<number>(this.bus, topicOf(VisitsFeed.topic, viewer.id));
    }
  }
  const live = await startSallyport({ imports: [FeedModule.of(VisitsFeed, VisitsResolver, [ShopModule])] });
  const [ada, bob] = [await live.connect(ADA), await live.connect(viewerId('app', 'bob'))];
  await ada.subscribed('1', 'subscription { visits }');
  await live.sallyport.publish(VisitsFeed, ADA, 1);
  expect((await ada.waitForNext('1')).data).toEqual({ visits: 1 });
  bob.subscribe('1', 'subscription { visits }');
  expect(await bob.waitForNext('1')).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });
  await live.stop();
});

class Undecorated {
  constructor(readonly bus: TopicBus) {}

  @Subscription(() => OrderStatus, { name: 'orderStatus' })
  orderStatus(@CurrentViewer() viewer: Viewer) {
    return new TopicStream<OrderStatus>(this.bus, topicOf(OrderStatusFeed.topic, viewer.id));
  }
}

it.each<[string, object]>([
  ['one other subscription', { name: 'orders' }],
  ['one other subscription, by its method', {}],
])('a custom resolver with %s fails the start', async (_, options) => {
  @Resolver()
  class OrdersResolver {
    constructor(private readonly bus: TopicBus) {}

    @Subscription(() => OrderStatus, options)
    orders(@CurrentViewer() viewer: Viewer) {
      return new TopicStream<OrderStatus>(this.bus, topicOf(OrderStatusFeed.topic, viewer.id));
    }
  }
  await expect(startSallyport({ imports: [FeedModule.of(OrderStatusFeed, OrdersResolver)] })).rejects.toThrow(
    'Feed "order_status": OrdersResolver has no subscription orderStatus, but orders. Give it one with the name',
  );
});

it.each<[string, Type, string]>([
  ['without a subscription', ShopResolver, 'ShopResolver has no subscription orderStatus. Give it one'],
  ['without a decorator', Undecorated, 'nothing can be injected into Undecorated: add @Resolver()'],
])('a custom resolver %s fails the start', async (_, resolver, message) => {
  const imports = [FeedModule.of(OrderStatusFeed, resolver)];
  await expect(startSallyport({ imports })).rejects.toThrow(`Feed "order_status": ${message}`);
});

describe('the class of a feed', () => {
  const settings = { history: { events: 5, seconds: 60 }, onSubscribe: 'nothing', slowReader: 'close' } as const;

  it('without @ObjectType() fails the start, by the name of the feed', async () => {
    class Parcel {
      @Field(() => String)
      @IsString()
      place!: string;
    }
    const ParcelFeed = defineFeed<Parcel>({ ...settings, name: 'parcel', field: 'parcel', type: Parcel });
    await expect(startSallyport({ imports: [FeedModule.of(ParcelFeed)] })).rejects.toThrow('for the "feed parcel"');
  });

  it('with a field that nobody can publish fails the start, unless a resolver fills it', async () => {
    @ObjectType()
    class Box {
      @Field(() => String)
      @IsString()
      place!: string;

      @Field(() => Int, { nullable: true })
      weight?: number;

      @Field(() => String)
      colour = 'red';

      @Field(() => String)
      get owner(): string {
        return this.place;
      }
    }
    @Resolver(() => Box)
    class BoxResolver {
      @ResolveField(() => String)
      owner(): string {
        return 'ada';
      }
    }
    const BoxFeed = defineFeed<Box>({ ...settings, name: 'box', field: 'box', type: Box });
    await expect(startSallyport({ imports: [FeedModule.of(BoxFeed)] })).rejects.toThrow(
      'Feed "box": Box.owner is not nullable, but it has no rule',
    );
    const live = await startSallyport({ imports: [FeedModule.of(BoxFeed)], providers: [BoxResolver] });
    const socket = await live.connect(ADA);
    await socket.subscribed('1', 'subscription { box { place owner colour weight } }');
    await live.sallyport.publish('box', ADA, { place: 'Oslo' });
    const box = { place: 'Oslo', owner: 'ada', colour: 'red', weight: null };
    expect((await socket.waitForNext('1')).data).toEqual({ box });
    await live.stop();
  });
});

it('a custom resolver whose subscription has another name and a `resolve` serves the feed', async () => {
  @Resolver()
  class OrdersResolver {
    constructor(private readonly bus: TopicBus) {}

    @Subscription(() => OrderStatus, { resolve: ({ orderStatus }: { orderStatus: OrderStatus }) => orderStatus })
    orders(@CurrentViewer() viewer: Viewer) {
      return new TopicStream<OrderStatus>(this.bus, topicOf(OrderStatusFeed.topic, viewer.id));
    }
  }
  const live = await startSallyport({ imports: [FeedModule.of(OrderStatusFeed, OrdersResolver)] });
  const socket = await live.connect(ADA);
  await socket.subscribed('1', 'subscription { orders { state } }');
  await live.sallyport.publish(OrderStatusFeed, ADA, { order: '1', state: 'paid' });
  expect((await socket.waitForNext('1')).data).toEqual({ orders: { state: 'paid' } });
  await live.stop();
});
