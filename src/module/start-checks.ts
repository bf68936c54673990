import { Server } from 'node:net';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { StartError } from '../live/errors/sallyport.errors.js';
import { GATEWAY_CONFIG, type GatewayConfig } from '../live/live.config.js';
import { GRAPHQL_PATH } from '../protocol/payload.js';

/** The injection token under which every `GraphQLModule` of `@nestjs/graphql` keeps its options. */
const GRAPHQL_MODULE_OPTIONS = 'GqlModuleOptions';

/** A `GraphQLModule`'s options for subscriptions, with Apollo's or Yoga's driver (the first two) or Mercurius's. */
interface SubscriptionOptions {
  readonly path?: string;
  readonly subscriptions?: Readonly<Record<string, boolean | { readonly path?: string }>>;
  readonly installSubscriptionHandlers?: boolean;
  readonly subscription?: unknown;
}

/** Refuses to start in an application where the socket cannot work, and says what to change. */
@Injectable()
export class StartChecks implements OnModuleInit {
  constructor(
    private readonly modules: ModulesContainer,
    private readonly adapter: HttpAdapterHost,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {}

  /** @throws StartError that names the cause and the solution */
  onModuleInit(): void {
    this.#refuseForeignServer();
    this.#refuseSecondSocket();
  }

  /** An application context without HTTP, such as a command, has no server and therefore no socket; it may publish. */
  #refuseForeignServer(): void {
    const server: unknown = this.adapter.httpAdapter?.getHttpServer();
    if (server !== undefined && !(server instanceof Server))
      throw new StartError(
        `${this.adapter.httpAdapter.constructor.name} has no server of Node: SallyportModule needs one to open sockets. Use @nestjs/platform-express or @nestjs/platform-fastify.`,
      );
  }

  #refuseSecondSocket(): void {
    for (const { providers } of this.modules.values()) {
      const options = providers.get(GRAPHQL_MODULE_OPTIONS)?.instance as SubscriptionOptions | undefined;
      if (options && socketPaths(options).includes(this.config.path))
        throw new StartError(
          `GraphQLModule opens its own sockets at ${this.config.path}: remove its subscription options, since SallyportModule serves subscriptions, or give SallyportModule another path.`,
        );
    }
  }
}

/** The path where a `GraphQLModule` opens sockets itself. */
function socketPaths(options: SubscriptionOptions): readonly string[] {
  const {
    path = GRAPHQL_PATH,
    subscriptions = {},
    installSubscriptionHandlers = false,
    subscription = false,
  } = options;
  const byProtocol = Object.values(subscriptions).flatMap((choice) => {
    if (choice === false) return [];
    return [choice === true ? path : (choice.path ?? path)];
  });
  return installSubscriptionHandlers || subscription !== false ? [...byProtocol, path] : byProtocol;
}
