import type {
  ApolloServerPlugin,
  GraphQLRequestContextDidResolveOperation,
  GraphQLRequestContextWillSendResponse,
  GraphQLRequestListener,
} from '@apollo/server';
import { context, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { type GraphQLFormattedError, type GraphQLSchema, Kind, type OperationDefinitionNode } from 'graphql';
import { activeTracer } from '../../live/tracing/tracer.js';
import type { GraphqlContext } from '../../live/viewer/graphql-context.js';

/** The longest operation name in a span, in characters: the client chooses it. */
const MAX_NAME = 64;
/** The most root fields that are named. */
const MAX_FIELDS = 5;
/** Codes of errors that are this server's, not the client's. */
const OWN_FAULTS: ReadonlySet<unknown> = new Set(['INTERNAL_SERVER_ERROR', 'UNAVAILABLE']);

/**
 * One span for each operation over HTTP that is executed or refused, inside that of its request: `mutation login`. It
 * has neither the document nor the variables.
 */
export class GraphqlSpans implements ApolloServerPlugin<GraphqlContext> {
  async requestDidStart(): Promise<GraphQLRequestListener<GraphqlContext> | void> {
    if (trace.getSpan(context.active())?.isRecording()) return new OperationSpan();
  }
}

class OperationSpan implements GraphQLRequestListener<GraphqlContext> {
  #span: Span | undefined;

  async didResolveOperation({
    schema,
    operation,
    operationName,
  }: GraphQLRequestContextDidResolveOperation<GraphqlContext>): Promise<void> {
    // Several operations, none of which is named: refused.
    if (!operation) return;
    const type = operation.operation;
    const fields = rootFields(schema, operation);
    this.#span = activeTracer()?.startSpan(fields[0] === undefined ? type : `${type} ${fields[0]}`, {
      attributes: {
        'graphql.operation.type': type,
        ...(operationName ? { 'graphql.operation.name': operationName.slice(0, MAX_NAME) } : {}),
        'sallyport.graphql.fields': fields,
      },
    });
  }

  async willSendResponse({ response }: GraphQLRequestContextWillSendResponse<GraphqlContext>): Promise<void> {
    const errors = response.body.kind === 'single' ? response.body.singleResult.errors : undefined;
    if (errors?.[0]) this.#fail(errors[0]);
    this.#span?.end();
  }

  #fail({ extensions }: GraphQLFormattedError): void {
    const code: unknown = extensions?.['code'];
    if (typeof code === 'string') this.#span?.setAttribute('error.type', code);
    if (OWN_FAULTS.has(code)) this.#span?.setStatus({ code: SpanStatusCode.ERROR });
  }
}

/** The fields of the schema that an operation asks for at its root. Others are names of the client's choosing. */
function rootFields(schema: GraphQLSchema, { operation, selectionSet }: OperationDefinitionNode): string[] {
  const known = schema.getRootType(operation)?.getFields() ?? {};
  const names = selectionSet.selections.flatMap((one) =>
    one.kind === Kind.FIELD && Object.hasOwn(known, one.name.value) ? [one.name.value] : [],
  );
  return [...new Set(names)].slice(0, MAX_FIELDS);
}
