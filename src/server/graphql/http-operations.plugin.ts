import type { ApolloServerPlugin, GraphQLRequestContextWillSendResponse, GraphQLRequestListener } from '@apollo/server';
import { rootFieldOf } from '../../live/gateway/execution/root-field.js';
import type { AnsweredOperation, OperationMetrics } from '../../live/gateway/execution/operation.metrics.js';
import type { GraphqlContext } from '../../live/viewer/graphql-context.js';

/** Measures each GraphQL request, from its start in Apollo Server until its response is complete. */
export class HttpOperations implements ApolloServerPlugin<GraphqlContext> {
  constructor(private readonly metrics: OperationMetrics) {}

  async requestDidStart(): Promise<GraphQLRequestListener<GraphqlContext>> {
    const startedAtMs = performance.now();
    let isExecuted = false;
    return {
      executionDidStart: async () => void (isExecuted = true),
      willSendResponse: async (context) => this.metrics.answered(describe(context, isExecuted), startedAtMs),
    };
  }
}

function describe(
  { operation, document, response: { body } }: GraphQLRequestContextWillSendResponse<GraphqlContext>,
  isExecuted: boolean,
): AnsweredOperation {
  const kind = operation?.operation ?? 'none';
  // A response that another plugin made instead of executing is a refusal.
  if (!isExecuted || !operation || !document) return { kind, field: 'none', outcome: 'refused' };
  const hasErrors = body.kind === 'single' && (body.singleResult.errors?.length ?? 0) > 0;
  return { kind, field: rootFieldOf(document, operation), outcome: hasErrors ? 'failed' : 'ok' };
}
