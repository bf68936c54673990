import { Server } from 'node:net';
import { Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import { GraphQLModule } from '@nestjs/graphql';
import { StartError } from '../live/errors/sallyport.errors.js';
import { GATEWAY_CONFIG, type GatewayConfig } from '../live/live.config.js';
import { GRAPHQL_PATH } from '../protocol/payload.js';
import { SallyportServices } from './sallyport-services.js';

/** A `GraphQLModule`'s options for subscriptions, with Apollo's or Yoga's driver (the first two) or Mercurius's. */
interface SubscriptionOptions {
  readonly path?: string;
  readonly subscriptions?: Readonly<Record<string, boolean | { readonly path?: string } | undefined>>;
  readonly installSubscriptionHandlers?: boolean;
  readonly subscription?: unknown;
}

/**
 * Refuses to start in an application where the socket cannot work, and says what to change. It gets the configuration
 * when it checks: a request-scoped one could not be injected.
 */
@Injectable()
export class StartChecks implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    private readonly modules: ModulesContainer,
    private readonly adapter: HttpAdapterHost,
    private readonly moduleRef: ModuleRef,
  ) {}

  /** @throws StartError that names the cause and the solution */
  onModuleInit(): void {
    this.#refuseServer();
    this.#refuseRequestScope();
  }

  /**
   * By now every `GraphQLModule` knows its path.
   *
   * @throws StartError as {@link onModuleInit}
   */
  onApplicationBootstrap(): void {
    this.#refuseSecondSocket();
  }

  /** An application context without HTTP, such as a command, has no server and therefore no socket; it may publish. */
  #refuseServer(): void {
    const server: unknown = this.adapter.httpAdapter?.getHttpServer();
    if (server !== undefined && !(server instanceof Server))
      throw new StartError(
        `${this.adapter.httpAdapter.constructor.name} does not use a Node.js HTTP server: SallyportModule needs one to open sockets. Use @nestjs/platform-express or @nestjs/platform-fastify.`,
      );
    if (server !== undefined && speaksOnlyHttp2(server))
      throw new StartError(
        'The HTTP server speaks only HTTP/2, but sockets are opened over HTTP/1.1: add allowHTTP1: true to the options https of FastifyAdapter, or remove http2.',
      );
  }

  /** Each request would get a store of its own. */
  #refuseRequestScope(): void {
    for (const { providers } of this.modules.values())
      if (providers.get(SallyportServices)?.isDependencyTreeStatic() === false)
        throw new StartError(
          'SallyportModule: the options need a request-scoped provider, but they are created once, before any request. Inject providers of the default scope only.',
        );
  }

  #refuseSecondSocket(): void {
    const { path } = this.moduleRef.get<GatewayConfig>(GATEWAY_CONFIG, { strict: false });
    for (const { providers } of this.modules.values()) {
      const module = providers.get(GraphQLModule)?.instance as GraphQLModule | undefined;
      const options = module?.completeOptions as SubscriptionOptions | undefined;
      if (options && socketPaths(options).includes(path))
        throw new StartError(
          `GraphQLModule opens its own sockets at ${path}: remove its subscription options, since SallyportModule serves subscriptions, or give SallyportModule another path.`,
        );
    }
  }
}

/** A server with TLS names the protocols that it accepts. */
function speaksOnlyHttp2(server: Server & { readonly ALPNProtocols?: Uint8Array }): boolean {
  const accepted = Buffer.from(server.ALPNProtocols ?? []).toString('latin1');
  return /^Http2(?:Secure)?Server$/.test(server.constructor.name) && !accepted.includes('http/1.1');
}

/** The paths where a `GraphQLModule` opens sockets itself. */
function socketPaths(options: SubscriptionOptions): readonly string[] {
  const {
    path = GRAPHQL_PATH,
    subscriptions = {},
    installSubscriptionHandlers = false,
    subscription = false,
  } = options;
  const byProtocol = Object.values(subscriptions).flatMap((choice) => {
    if (!choice) return [];
    return [choice === true ? path : (choice.path ?? path)];
  });
  return installSubscriptionHandlers || subscription !== false ? [...byProtocol, path] : byProtocol;
}
