import { randomUUID } from 'node:crypto';
import type { AddressInfo, Server } from 'node:net';
import { type INestApplication, Module, type ModuleMetadata } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import type { SallyportOptions, SessionPort, SignedInViewer } from '../module/options.js';
import { Sallyport } from '../module/sallyport.js';
import { SallyportModule } from '../module/sallyport.module.js';
import { SessionTokens } from '../module/session-tokens.js';
import { GraphQLDateTime } from '../live/gateway/execution/date-time.scalar.js';
import type { ViewerId } from '../live/viewer/viewer.js';
import { type LiveSocket, openSocket } from './live-socket.js';
import { SchemaDriver } from './schema.driver.js';

const DAY_MS = 86_400_000;
/** As docs/module.md says it for an application: the date in an event is text, which Nest's own scalar cannot write. */
const DATES = [{ type: Date, scalar: GraphQLDateTime }];

/** Sessions for tests: each is valid until it is ended. Use it as `sessions`, or to override {@link SESSION_PORT}. */
export class TestSessions implements SessionPort<SignedInViewer> {
  readonly #ended = new Set<string>();

  /** The request is the viewer and the session themselves. */
  read(request: SignedInViewer): SignedInViewer {
    return request;
  }

  status(ids: readonly string[]): ReadonlyMap<string, Date> {
    const endsAt = new Date(Date.now() + DAY_MS);
    return new Map(ids.filter((id) => !this.#ended.has(id)).map((id) => [id, endsAt]));
  }

  /** Ends a session without an announcement, like a row that is deleted outside the application. */
  end(session: string): void {
    this.#ended.add(session);
  }
}

/** A schema needs a query. */
@Resolver()
class ReadyResolver {
  @Query(() => Boolean)
  ready(): boolean {
    return true;
  }
}

/** The options of a test application. */
export interface TestAppOptions extends Pick<ModuleMetadata, 'imports' | 'providers'> {
  /** Options of SallyportModule that override the test defaults. */
  readonly sallyport?: Partial<Omit<SallyportOptions, 'sessions'>>;
  /** Default: Express, where `@nestjs/platform-express` is installed. For Fastify, a `FastifyAdapter`. */
  readonly adapter?: AbstractHttpAdapter;
}

/** A running application with Sallyport in it, in memory and on a free port. */
export interface TestApp {
  readonly url: string;
  readonly app: INestApplication;
  readonly sallyport: Sallyport;
  readonly sessions: TestSessions;
  /**
   * Opens a socket as a viewer and waits until it is admitted.
   *
   * @param session default: a new one
   */
  connect(viewer: ViewerId, session?: string): Promise<LiveSocket>;
  /** Closes the application and what {@link connect} has opened. */
  stop(): Promise<void>;
}

/**
 * Starts SallyportModule with your feeds, without a database, a Redis or a GraphQL server: to test what your code
 * publishes and which viewers receive it.
 *
 * @example
 * const live = await startSallyport({ imports: [FeedModule.of(OrderStatusFeed)] });
 * const socket = await live.connect(viewerId('app', 42));
 * socket.subscribe('1', 'subscription { orderStatus { state } }');
 */
export async function startSallyport({
  imports = [],
  providers = [],
  sallyport = {},
  adapter,
}: TestAppOptions = {}): Promise<TestApp> {
  const sessions = new TestSessions();
  const options: SallyportOptions = { secretKeys: [`${randomUUID()}${randomUUID()}`], ...sallyport, sessions };
  const app = await listening(options, { imports, providers }, adapter);
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const service = app.get(Sallyport);
  const opened = new Set<LiveSocket>();
  return {
    url,
    app,
    sallyport: service,
    sessions,
    async connect(viewer, session = randomUUID()) {
      const socket = await connectAs(app, url, { viewer, session }, sallyport.path);
      opened.add(socket);
      return socket;
    },
    async stop() {
      for (const socket of opened) socket.ws.terminate();
      await app.close();
    },
  };
}

async function listening(
  options: SallyportOptions,
  { imports, providers }: Required<Pick<ModuleMetadata, 'imports' | 'providers'>>,
  adapter: AbstractHttpAdapter | undefined,
): Promise<INestApplication> {
  @Module({
    imports: [
      GraphQLModule.forRoot({ driver: SchemaDriver, autoSchemaFile: true, buildSchemaOptions: { scalarsMap: DATES } }),
      SallyportModule.forRoot(options),
      ...imports,
    ],
    providers: [ReadyResolver, ...providers],
  })
  class TestModule {}
  const settings = { logger: false, abortOnError: false } as const;
  const app = await (adapter
    ? NestFactory.create(TestModule, adapter, settings)
    : NestFactory.create(TestModule, settings));
  try {
    await app.listen(0, '127.0.0.1');
    return app;
  } catch (error) {
    // A close that fails too is not the cause.
    await app.close().catch(() => {});
    throw error;
  }
}

/**
 * Opens a socket to your own running application, as a viewer. Its session port must report the session as valid:
 * override the provider {@link SESSION_PORT} with {@link TestSessions}, or sign a user in.
 *
 * @param url where the application listens
 */
export async function connectAs(
  app: Pick<INestApplication, 'get'>,
  url: string,
  signedIn: SignedInViewer,
  path?: string,
): Promise<LiveSocket> {
  const { token } = await app.get(SessionTokens, { strict: false }).issue(signedIn);
  const socket = await openSocket(url, path === undefined ? {} : { path });
  await socket.init({ token, resumable: true, positions: true });
  return socket;
}
