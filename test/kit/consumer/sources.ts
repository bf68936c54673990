/** The GraphQL driver and HTTP platform of an application. */
export interface Platform {
  readonly driver: string;
  readonly imports: string;
  /** Empty for Nest's default. */
  readonly adapter: string;
}

/**
 * Source of an application that follows the documentation: a feed, a route that returns a token, a route that publishes.
 * It prints the address it listens on. If `STORE_URL` is set, its store is that PostgreSQL.
 */
export function appSource(platform: Platform): string {
  return `
import 'reflect-metadata';
import type { IncomingMessage } from 'node:http';
import { Controller, Get, Header, Module, Post, Req, UnauthorizedException } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Field, GraphQLModule, ObjectType, Query, Resolver } from '@nestjs/graphql';
import { IsString } from 'class-validator';
import { defineFeed, FeedModule, type PublishResult, Sallyport, SallyportModule, type SessionPort } from 'sallyport';
import { type SignedToken, type StoreOptions, viewerId } from 'sallyport';
${platform.imports}

@ObjectType()
class OrderStatus {
  @Field(() => String)
  @IsString()
  state!: string;
}

const orderStatus = defineFeed<OrderStatus>({
  name: 'order_status',
  field: 'orderStatus',
  type: OrderStatus,
  history: { events: 20, seconds: 600 },
  onSubscribe: 'nothing',
  slowReader: 'close',
});

@Resolver()
class ShopResolver {
  @Query(() => String)
  shop(): string {
    return 'open';
  }
}

@Controller()
class LiveController {
  constructor(private readonly sallyport: Sallyport) {}

  @Get('token')
  @Header('cache-control', 'no-store')
  async token(@Req() request: object): Promise<SignedToken> {
    const token = await this.sallyport.connectionToken(request);
    if (!token) throw new UnauthorizedException();
    return token;
  }

  @Post('orders')
  order(): Promise<PublishResult> {
    return this.sallyport.publish(orderStatus, viewerId('app', '42'), { state: 'shipped' });
  }
}

const sessions: SessionPort<IncomingMessage> = {
  read({ headers }) {
    const session = headers['x-session'];
    return typeof session === 'string' ? { viewer: viewerId('app', '42'), session } : null;
  },
  status: (ids) => new Map(ids.map((id) => [id, new Date(Date.now() + 3_600_000)])),
};

const url = process.env['STORE_URL'];
const store: StoreOptions = url ? { kind: 'postgres', url } : { kind: 'memory' };

@Module({
  imports: [
    GraphQLModule.forRoot<${platform.driver}Config>({ driver: ${platform.driver}, autoSchemaFile: true }),
    SallyportModule.forRoot({ secretKeys: ['0123456789-abcdefghijklmnopqrstuvwxyz'], sessions, store }),
    FeedModule.of(orderStatus),
  ],
  controllers: [LiveController],
  providers: [ShopResolver],
})
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create(AppModule, ${platform.adapter && `${platform.adapter}, `}{ logger: ['warn', 'error'] });
  app.enableShutdownHooks();
  await app.listen(0, '127.0.0.1');
  console.log(await app.getUrl());
}

void main();
`;
}

/**
 * Source of a test that uses the testing kit and prints the injected class.
 *
 * @param platform see {@link appSource}
 */
export function testingSource(platform: Platform): string {
  return `
import { Sallyport, viewerId } from 'sallyport';
import { startSallyport } from 'sallyport/testing';
${platform.imports}

async function main(): Promise<void> {
  const live = await startSallyport(${platform.adapter && `{ adapter: ${platform.adapter} }`});
  const socket = await live.connect(viewerId('app', 42));
  await socket.close();
  console.log(live.sallyport instanceof Sallyport && live.sallyport.constructor.name);
  await live.stop();
}

void main();
`;
}

/** Source of a library whose declarations name the types of what it calls and defines. */
export const LIBRARY_SOURCE = `
import { defineFeed, type GraphqlContext, type SallyportError, topicOf, TopicBus, TopicStream } from 'sallyport';
import { viewerId } from 'sallyport';

export const letters = defineFeed<string>({
  name: 'letters',
  field: 'letters',
  type: String,
  history: { events: 1, seconds: 60 },
  onSubscribe: 'nothing',
  slowReader: 'close',
});
export const definition = letters.topic;
export const { slowReader } = letters.topic;
export const check = (payload: unknown) => letters.check(payload);
export const history = (bus: TopicBus) => bus.history(topicOf(letters.topic, viewerId('app', 1)), { limit: 10 });
export const events = async (bus: TopicBus) => (await history(bus)).events;
export const publish = (bus: TopicBus) => bus.publish([]);
export const attach = (stream: TopicStream) => stream.attach({ confirmed() {}, event() {}, ended() {} });
export const cookies = (context: GraphqlContext) => context.cookies;
export const details = (error: SallyportError) => error.extensions;
`;

/** Subscribes at `LIVE_URL` with the token in `LIVE_TOKEN`; prints a line when it is subscribed, then the event. */
export const CLIENT_SOURCE = `
import { CloseCode, createLiveClient, type LiveState } from 'sallyport-client';
import { WebSocket } from 'ws';

const states: LiveState[] = [];
const client = createLiveClient({
  url: process.env.LIVE_URL ?? '',
  getToken: () => Promise.resolve(process.env.LIVE_TOKEN ?? null),
  webSocketImpl: WebSocket,
  onState: (state) => states.push(state),
  on: { message: ({ type }) => void (type === 'ping' && console.log('subscribed')) },
});

async function main(): Promise<void> {
  for await (const { data } of client.iterate({ query: 'subscription { orderStatus { state } }' })) {
    console.log(JSON.stringify({ data, states, normal: CloseCode.Normal }));
    break;
  }
  await client.dispose();
}

void main();
`;

const COMMON = {
  target: 'es2022',
  strict: true,
  declaration: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: false,
  types: ['node'],
};

/** The compiler options of a new project. */
export const ESM = { compilerOptions: { ...COMMON, module: 'nodenext' } };

/** The compiler options of an old project, with the least strict type checks. */
export const COMMONJS = {
  compilerOptions: {
    ...COMMON,
    module: 'commonjs',
    moduleResolution: 'node10',
    esModuleInterop: false,
    ignoreDeprecations: '6.0',
  },
};
