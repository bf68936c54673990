import { Module } from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule } from '@nestjs/graphql';
import { AppProxyModule } from '../app-proxy/app-proxy.module.js';
import { SealedTokenVerifier } from '../app-proxy/token/sealed-token.verifier.js';
import { AuthModule } from '../auth/auth.module.js';
import { RequestViewer } from '../auth/session/request-viewer.js';
import { AccountTokenVerifier } from '../auth/token/account-token.verifier.js';
import { HTTP_CONFIG, LIMITS_CONFIG } from '../config/config.module.js';
import { LOGGER } from '../logging/logger.js';
import { Admissions } from './door/admissions.js';
import { ConnectionGuard, TOKEN_VERIFIERS } from './door/connection.guard.js';
import { ConnectionRegistry } from './connection/connection-registry.js';
import { Connections } from './connections.js';
import { GatewayJournal } from './door/gateway.journal.js';
import { DocumentBudget } from './graphql/document-budget.js';
import { DocumentsModule } from './graphql/documents.module.js';
import { graphqlOptions } from './graphql/graphql.options.js';
import { Lifetimes } from './connection/lifetimes.js';
import { HttpOrigins } from './door/http-origins.js';
import { NodeCapacity } from './door/node-capacity.js';
import { ConfiguredOrigins, OriginPolicy } from './door/origin.policy.js';
import { Outbox } from './connection/outbox.js';
import { SocketGateway } from './socket.gateway.js';
import { SocketProtocol } from './socket.protocol.js';
import { UpgradeGuard } from './door/upgrade.guard.js';

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
