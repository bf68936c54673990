import { ForbiddenException, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Context, Field, ObjectType, Resolver, Subscription } from '@nestjs/graphql';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ExpressAdapter } from '@nestjs/platform-express';
import { IsString } from 'class-validator';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defineFeed, FeedModule, type GraphqlContext, IsInstant, viewerId } from '../src/index.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { startSallyport, type TestApp } from '../src/testing/index.js';
import { OrderStatusFeed } from './kit/host-app/app.js';

@ObjectType()
class Reminder {
  @Field(() => Date)
  @IsInstant()
  at!: string;
}

const ReminderFeed = defineFeed<Reminder>({
  name: 'reminder',
  field: 'reminder',
  type: Reminder,
  history: { events: 1, seconds: 60 },
  onSubscribe: 'nothing',
  slowReader: 'close',
});

@ObjectType()
class Basket {
  @Field(() => [String])
  @IsString({ each: true })
  items!: string[];
}

const BasketFeed = defineFeed<Basket>({
  name: 'basket',
  field: 'basket',
  type: Basket,
  history: { events: 1, seconds: 60 },
  onSubscribe: 'last-event',
  slowReader: 'keep-latest',
});

@Resolver()
class DeniedResolver {
  @Subscription(() => String)
  denied(): never {
    throw new ForbiddenException('Not yours.');
  }

  @Subscription(() => String)
  welcome(@Context() { cookies }: GraphqlContext): void {
    cookies.set('seen=1');
  }
}

const ADA = viewerId('app', 42);
const QUERY = 'subscription { orderStatus { state } }';

describe.each([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('the test kit on %s', (_, adapter) => {
  let live: TestApp;
  beforeEach(async () => {
    live = await startSallyport({
      imports: [FeedModule.of(OrderStatusFeed), FeedModule.of(ReminderFeed), FeedModule.of(BasketFeed)],
      providers: [DeniedResolver],
      adapter: adapter(),
    });
  });
  afterEach(() => live.stop());

  it("opens a socket as a viewer, which gets the viewer's events", async () => {
    const [socket, other] = [await live.connect(ADA), await live.connect(viewerId('app', 43))];
    await Promise.all([socket.subscribed('1', QUERY), other.subscribed('1', QUERY)]);
    await live.sallyport.publish(OrderStatusFeed, ADA, { order: '1', state: 'paid' });
    expect((await socket.waitForNext('1')).data).toEqual({ orderStatus: { state: 'paid' } });
    expect(await other.settled()).toEqual([]);
  });

  it('fails at once, with the cause, to wait for a subscription that is refused', async () => {
    const socket = await live.connect(ADA);
    await expect(socket.subscribed('1', 'subscription { orderState { state } }')).rejects.toThrow(
      '1 was refused: [{"message":"Cannot query field \\"orderState\\" on type \\"Subscription\\".',
    );
  });

  it('fails at once, with the cause, to wait for a subscription that its resolver refuses', async () => {
    const socket = await live.connect(ADA);
    await expect(socket.subscribed('1', 'subscription { denied }')).rejects.toThrow('1 was refused: [{"message":"Not');
  });

  it('keeps an event as it was published, whatever becomes of the object', async () => {
    const items = ['tea'];
    await live.sallyport.publish(BasketFeed, ADA, { items });
    items.push('salt');
    const socket = await live.connect(ADA);
    socket.subscribe('1', 'subscription { basket { items } }');
    expect((await socket.waitForNext('1')).data).toEqual({ basket: { items: ['tea'] } });
  });

  it('writes the date of an event, published as text or as a Date', async () => {
    const socket = await live.connect(ADA);
    await socket.subscribed('1', 'subscription { reminder { at } }');
    for (const at of ['2026-01-31T12:00:00Z', new Date(0)]) {
      await live.sallyport.publish(ReminderFeed, ADA, { at } as Reminder);
      expect((await socket.waitForNext('1')).data).toEqual({ reminder: { at: new Date(at).toISOString() } });
    }
  });

  it("gives the code of a resolver's error", async () => {
    const socket = await live.connect(ADA);
    socket.subscribe('1', 'subscription { denied }');
    const [error] = (await socket.waitForNext('1')).errors ?? [];
    expect([error?.message, error?.extensions?.['code'], error?.path]).toEqual(['Not yours.', 'FORBIDDEN', ['denied']]);
  });

  it('answers a resolver that sets a cookie with an error, and keeps the socket', async () => {
    const socket = await live.connect(ADA);
    socket.subscribe('1', 'subscription { welcome }');
    const [error] = (await socket.waitForNext('1')).errors ?? [];
    expect(error?.extensions?.['code']).toBe('INTERNAL_SERVER_ERROR');
    await socket.settled();
  });

  it('ends a session like the application', async () => {
    const socket = await live.connect(ADA, 'session-1');
    await live.sallyport.revokeSession('session-1');
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
  });

  it('refuses the token of a session that has ended unnoticed', async () => {
    live.sessions.end('gone');
    await expect(live.connect(ADA, 'gone')).rejects.toThrow('4401');
  });
});

it('an application whose start fails is closed: the next one can use its registry', async () => {
  @Injectable()
  class Unready implements OnApplicationBootstrap {
    onApplicationBootstrap(): void {
      throw new Error('not ready');
    }
  }
  const sallyport = { metrics: new Registry() };
  await expect(startSallyport({ sallyport, providers: [Unready] })).rejects.toThrow('not ready');
  const live = await startSallyport({ sallyport });
  await live.stop();
});
