import { type DynamicModule, Module } from '@nestjs/common';
import { AppProxyModule } from './identity/app-proxy/app-proxy.module.js';
import { AuditModule } from './identity/audit/audit.module.js';
import { ConfigModule } from './server/config/config.module.js';
import type { Config } from './server/config/config.js';
import { NotificationsFeed } from './feeds/notifications/notifications.feed.js';
import { FeedModule } from './live/feeds/feed.module.js';
import { DatabaseModule } from './identity/database/database.module.js';
import { UserCountModule } from './feeds/user-count/user-count.module.js';
import type { Authentication } from './live/gateway/gateway.module.js';
import { AccountModule } from './identity/accounts/account.module.js';
import { AccountAuthenticator } from './identity/sessions/account.authenticator.js';
import { AccountSessions } from './identity/sessions/account.sessions.js';
import { SessionModule } from './identity/sessions/session.module.js';
import { SignInModule } from './identity/sign-in/sign-in.module.js';
import { CustomerAuthenticator } from './identity/app-proxy/token/customer.authenticator.js';
import { ApiTokenAuthenticator } from './identity/api-tokens/api-token.authenticator.js';
import { ApiTokenModule } from './identity/api-tokens/api-token.module.js';
import { IssuerAuthenticator } from './identity/issuers/issuer.authenticator.js';
import { IssuerModule } from './identity/issuers/issuer.module.js';
import { BackchannelLogoutModule } from './server/http-api/backchannel-logout.module.js';
import { GraphqlHttpModule } from './server/graphql/graphql-http.module.js';
import { HealthModule } from './server/health/health.module.js';
import { ConsoleModule } from './server/console/console.module.js';
import { HttpModule } from './server/http/http.module.js';
import { SallyportModule } from './module/sallyport.module.js';
import type { LiveConfig } from './live/live-config.module.js';
import { MetricsEndpointModule } from './server/metrics/metrics-endpoint.module.js';
import { TracingModule } from './server/tracing/tracing.module.js';
import { CliSocketModule } from './server/cli/cli-socket.module.js';
import { PagesModule } from './server/pages/pages.module.js';
import { BackendModule } from './server/http-api/backend.module.js';
import { OpenApiModule } from './server/http-api/openapi/openapi.module.js';
import { WebhooksModule } from './server/webhooks/webhooks.module.js';
import { PublishEndpointModule } from './server/http-api/publish-endpoint.module.js';

/** The authenticators of the stand-alone server. To add one, add its module and its authenticator here. */
export const AUTHENTICATION: Authentication = {
  imports: [SessionModule, AppProxyModule, ApiTokenModule, IssuerModule],
  // The issuers' last, because it accepts any JWT that the others do not recognise.
  authenticators: [AccountAuthenticator, CustomerAuthenticator, ApiTokenAuthenticator, IssuerAuthenticator],
  sessions: AccountSessions,
};

/** The stand-alone server: every module, and the gateway's authenticators. The only composition root. */
@Module({})
export class AppModule {
  static of(config: Config, live: LiveConfig, authentication: Authentication = AUTHENTICATION): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.of(config),
        SallyportModule.withAuthentication(live, authentication),
        MetricsEndpointModule,
        TracingModule,
        DatabaseModule,
        UserCountModule,
        FeedModule.of(NotificationsFeed),
        PublishEndpointModule,
        BackendModule,
        OpenApiModule,
        WebhooksModule,
        AccountModule,
        SessionModule,
        SignInModule,
        AuditModule,
        AppProxyModule,
        IssuerModule,
        BackchannelLogoutModule,
        GraphqlHttpModule,
        HealthModule,
        PagesModule,
        ConsoleModule,
        CliSocketModule,
        HttpModule,
      ],
    };
  }
}
