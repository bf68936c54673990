// GraphQL Yoga with graphql-ws, following Yoga's recipe for WebSocket subscriptions.
import { createServer } from 'node:http';
import { useServer } from 'graphql-ws/use/ws';
import { createPubSub, createSchema, createYoga } from 'graphql-yoga';
import { WebSocketServer } from 'ws';
import { Present, startEvents } from './event-source.mjs';

const pubsub = createPubSub();
const present = new Present();
const yoga = createYoga({
  graphqlEndpoint: '/graphql',
  logging: false,
  schema: createSchema({
    typeDefs: 'type Query { hello: String } type Subscription { userCount: Int! }',
    resolvers: {
      Subscription: {
        userCount: {
          subscribe: (_root, _args, { connectionParams }) => pubsub.subscribe('user_count', connectionParams.token),
          resolve: (value) => value,
        },
      },
    },
  }),
});
const server = createServer(yoga);
useServer(
  {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    onConnect: (ctx) => present.add(ctx.connectionParams.token),
    onDisconnect: (ctx) => present.delete(ctx.connectionParams.token),
    onSubscribe: async (ctx, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...ctx,
        req: ctx.extra.request,
        socket: ctx.extra.socket,
        params,
      });
      const args = {
        schema,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
      const errors = validate(args.schema, args.document);
      return errors.length > 0 ? errors : args;
    },
  },
  new WebSocketServer({ server, path: yoga.graphqlEndpoint }),
);
server.listen(0, '127.0.0.1', 4096, () =>
  startEvents(server.address().port, present.ids, (viewer, value) => pubsub.publish('user_count', viewer, value)),
);
