import {
  type DynamicModule,
  type InjectionToken,
  Module,
  type ModuleMetadata,
  type Provider,
  type Type,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { StartError } from '../live/errors/sallyport.errors.js';
import { GatewayModule, type Authentication } from '../live/gateway/gateway.module.js';
import { LIVE_CONFIG, type LiveConfig, LiveConfigModule } from '../live/live-config.module.js';
import { OutboxModule } from '../live/publish/outbox/outbox.module.js';
import { PublisherModule } from '../live/publish/publisher.module.js';
import { RevocationModule } from '../live/sessions/revocation.module.js';
import { StoreHealthModule } from '../live/store/store-health.module.js';
import { StoreModule } from '../live/store/store.module.js';
import { TokenModule } from '../live/tokens/token.module.js';
import { AppSessions, SESSION_PORT } from './app-sessions.js';
import type { SallyportOptions, SessionPort } from './options.js';
import { readOptions } from './read-options.js';
import { Sallyport } from './sallyport.js';
import { LateServices, SallyportServices } from './sallyport-services.js';
import { SessionTokens } from './session-tokens.js';
import { SessionTokenAuthenticator } from './session-token.authenticator.js';
import { StartChecks } from './start-checks.js';

/** Injection token of the application's options. */
const OPTIONS = Symbol('SALLYPORT_OPTIONS');
/** Of the provider that gives {@link Sallyport} its services. */
const SERVICES_SET = Symbol('SALLYPORT_SERVICES_SET');

/** A provider that creates the options, for {@link SallyportAsyncOptions}. */
export interface SallyportOptionsFactory {
  /** Called once, when the application starts. */
  createSallyportOptions(): SallyportOptions | Promise<SallyportOptions>;
}

/** Options that are created at the application's start, by exactly one of `useFactory`, `useClass`, `useExisting`. */
export interface SallyportAsyncOptions {
  /** Modules that provide the injected values. */
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  /** The factory's arguments, in order. */
  readonly inject?: Extract<Provider, { inject?: unknown }>['inject'];
  // oxlint-disable-next-line no-explicit-any -- the factory's arguments are those of `inject`, which TypeScript cannot tie together
  readonly useFactory?: (...injected: any[]) => SallyportOptions | Promise<SallyportOptions>;
  /** A class that is instantiated for it. */
  readonly useClass?: Type<SallyportOptionsFactory>;
  /** A provider of `imports`. */
  readonly useExisting?: InjectionToken<SallyportOptionsFactory>;
}

/**
 * Sallyport in a Nest application: the socket on its HTTP server, {@link Sallyport} to inject, and what feeds need.
 * Import it once, next to the application's own `GraphQLModule`.
 */
@Module({})
export class SallyportModule {
  /** @throws StartError while the application starts, if an option is invalid */
  static forRoot(options: SallyportOptions): DynamicModule {
    return SallyportModule.forRootAsync({ useFactory: () => options });
  }

  /** As {@link forRoot}, with options that need other providers, such as the service that keeps sessions. */
  static forRootAsync(asked: SallyportAsyncOptions): DynamicModule {
    const options: DynamicModule = {
      module: OptionsModule,
      imports: asked.imports ?? [],
      providers: providersOf(asked),
      exports: [OPTIONS],
    };
    const config = {
      provide: LIVE_CONFIG,
      useFactory: configOf,
      inject: [OPTIONS, ModulesContainer],
    };
    const sessions: DynamicModule = {
      module: AppSessionsModule,
      imports: [options],
      providers: [{ provide: SESSION_PORT, useFactory: sessionPortOf, inject: [OPTIONS] }],
    };
    const live = SallyportModule.with(LiveConfigModule.of(config, [options]), {
      imports: [sessions],
      authenticators: [SessionTokenAuthenticator],
      sessions: AppSessions,
    });
    const services: Provider = {
      provide: SERVICES_SET,
      useFactory: (late: LateServices, created: SallyportServices) => late.set(created),
      inject: [LateServices, SallyportServices],
    };
    const providers = [Sallyport, LateServices, SallyportServices, services, SessionTokens, StartChecks];
    return { ...live, providers, exports: [Sallyport] };
  }

  /**
   * With custom authenticators instead of the application's sessions; used by the stand-alone server, which has no
   * {@link Sallyport}.
   *
   * @internal
   * @param config already checked
   */
  static withAuthentication(config: LiveConfig, authentication: Authentication): DynamicModule {
    return SallyportModule.with(LiveConfigModule.of({ provide: LIVE_CONFIG, useValue: config }), authentication);
  }

  private static with(config: DynamicModule, authentication: Authentication): DynamicModule {
    return {
      module: SallyportModule,
      global: true,
      imports: [
        config,
        StoreModule,
        TokenModule,
        RevocationModule,
        PublisherModule,
        OutboxModule,
        GatewayModule.with(authentication),
      ],
    };
  }
}

/**
 * @throws StartError for an invalid option, and for a second module, whose sockets and stores would be separate from
 * the first one's
 */
function configOf(given: SallyportOptions, modules: ModulesContainer): LiveConfig {
  if ([...modules.values()].filter(({ metatype }) => metatype === SallyportModule).length > 1)
    throw new StartError(
      'SallyportModule is imported twice with options: call forRoot or forRootAsync once, in the root module. Sallyport can be injected everywhere.',
    );
  return readOptions(given);
}

/** Not the application's object itself: Nest calls the hooks of each provider, and it is one of the application too. */
function sessionPortOf({ sessions }: SallyportOptions): SessionPort {
  return { read: (request) => sessions.read(request), status: (ids) => sessions.status(ids) };
}

/** @throws StartError unless exactly one way is given */
function providersOf({ inject = [], useFactory, useClass, useExisting }: SallyportAsyncOptions): Provider[] {
  const [way, ...others] = [useFactory, useClass, useExisting].filter((one) => one !== undefined);
  if (way === undefined || others.length > 0)
    throw new StartError('SallyportModule.forRootAsync needs one of useFactory, useClass and useExisting.');
  if (useFactory) return [{ provide: OPTIONS, useFactory, inject }];
  const create = (factory: SallyportOptionsFactory) => factory.createSallyportOptions();
  const options = { provide: OPTIONS, useFactory: create, inject: [useExisting ?? useClass ?? ''] };
  return useClass ? [useClass, options] : [options];
}

@Module({})
class OptionsModule {}

/** The authenticator for the application's sessions. */
@Module({
  imports: [StoreModule, StoreHealthModule, TokenModule, RevocationModule],
  providers: [AppSessions, SessionTokenAuthenticator],
  exports: [AppSessions, SessionTokenAuthenticator],
})
class AppSessionsModule {}
