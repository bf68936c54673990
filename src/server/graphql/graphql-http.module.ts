import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { AccountSessions } from '../../identity/sessions/account.sessions.js';
import { SessionModule } from '../../identity/sessions/session.module.js';
import { DocumentBudget } from '../../live/gateway/execution/document-budget.js';
import { DocumentsModule } from '../../live/gateway/execution/documents.module.js';
import { OperationMetrics } from '../../live/gateway/execution/operation.metrics.js';
import { HTTP_CONFIG } from '../../identity/identity.config.js';
import { LIMITS_CONFIG } from '../../live/live.config.js';
import { LOGGER } from '../../live/logging/logger.js';
import { graphqlOptions } from './graphql.options.js';

/** Queries and mutations over HTTP, with Apollo Server. The gateway runs subscriptions. */
@Module({
  imports: [
    GraphQLModule.forRootAsync<ApolloDriverConfig>({
      driver: ApolloDriver,
      imports: [SessionModule, DocumentsModule],
      useFactory: graphqlOptions,
      inject: [HTTP_CONFIG, LIMITS_CONFIG, AccountSessions, LOGGER, DocumentBudget, OperationMetrics],
    }),
  ],
})
export class GraphqlHttpModule {}
