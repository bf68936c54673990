import type { GraphQLRequestContextResponseForOperation } from '@apollo/server';
import { buildSchema, getOperationAST, parse } from 'graphql';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import type { DocumentBudget } from '../../live/gateway/execution/document-budget.js';
import type { GraphqlContext } from '../../live/viewer/graphql-context.js';
import { HttpDocuments } from './http-documents.plugin.js';

const schema = buildSchema('type Query { hello: String }');
const document = parse('{ hello }');

describe('the documents over HTTP', () => {
  it('that are in use stay known, however many others come', async () => {
    const spend = vi.fn((_subject: unknown, work: () => unknown) => ({ done: true, value: work() }));
    const budget = { spend } as unknown as DocumentBudget;
    const plugin = new HttpDocuments({ introspection: false, budget, exempt: [], logger: pino({ level: 'silent' }) });
    const listener = await plugin.requestDidStart();
    const ask = (source: string) =>
      listener.responseForOperation?.({
        source,
        document,
        schema,
        request: {},
        operation: getOperationAST(document),
        contextValue: { viewer: null, client: { address: '192.0.2.1', userAgent: null } },
      } as unknown as GraphQLRequestContextResponseForOperation<GraphqlContext>);
    expect(await ask('{ hello }')).toBeNull();
    for (let other = 0; other < 300; other += 1) {
      expect(await ask(`# ${String(other).padEnd(15_000)}\n{ hello }`)).toBeNull();
      expect(await ask('{ hello }')).toBeNull();
    }
    expect(spend).toHaveBeenCalledTimes(301);
  });
});
