import { Module } from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule } from '@nestjs/graphql';
import { AppProxyModule } from '../../identity/app-proxy/app-proxy.module.js';
import { SealedTokenVerifier } from '../../identity/app-proxy/token/sealed-token.verifier.js';
import { AuthModule } from '../../identity/identity.module.js';
import { RequestViewer } from '../../identity/sessions/request-viewer.js';
import { AccountTokenVerifier } from '../../identity/sessions/account-token.verifier.js';
import { HTTP_CONFIG, LIMITS_CONFIG } from '../live.config.js';
import { LOGGER } from '../logging/logger.js';
import { Admissions } from './admission/admissions.js';
import { ConnectionGuard, TOKEN_VERIFIERS } from './admission/connection.guard.js';
import { ConnectionRegistry } from './connection/connection-registry.js';
import { Connections } from './connections.js';
import { GatewayJournal } from './admission/gateway.journal.js';
import { DocumentBudget } from './execution/document-budget.js';
import { DocumentsModule } from './execution/documents.module.js';
import { graphqlOptions } from '../../server/graphql/graphql.options.js';
import { Lifetimes } from './connection/lifetimes.js';
import { HttpOrigins } from './admission/http-origins.js';
import { NodeCapacity } from './admission/node-capacity.js';
import { ConfiguredOrigins, OriginPolicy } from './admission/origin.policy.js';
import { Outbox } from './connection/outbox.js';
import { SocketGateway } from './socket.gateway.js';
import { SocketProtocol } from './socket.protocol.js';
import { UpgradeGuard } from './admission/upgrade.guard.js';

/** GraphQL on both transports: HTTP by Apollo Server, the socket by our own gateway. */
@Module({
  imports: [
    AuthModule,
    AppProxyModule,
    DocumentsModule,
    GraphQLModule.forRootAsync<ApolloDriverConfig>({
      driver: ApolloDriver,
      imports: [AuthModule, DocumentsModule],
      useFactory: graphqlOptions,
      inject: [HTTP_CONFIG, LIMITS_CONFIG, RequestViewer, LOGGER, DocumentBudget],
    }),
  ],
  providers: [
    SocketGateway,
    UpgradeGuard,
    NodeCapacity,
    Connections,
    Outbox,
    GatewayJournal,
    SocketProtocol,
    Admissions,
    ConnectionGuard,
    ConnectionRegistry,
    Lifetimes,
    { provide: OriginPolicy, useClass: ConfiguredOrigins },
    HttpOrigins,
    {
      provide: TOKEN_VERIFIERS,
      useFactory: (account: AccountTokenVerifier, sealed: SealedTokenVerifier) => [account, sealed],
      inject: [AccountTokenVerifier, SealedTokenVerifier],
    },
  ],
  exports: [OriginPolicy],
})
export class GatewayModule {}
