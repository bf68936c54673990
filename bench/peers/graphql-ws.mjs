// graphql-ws as in its README, with graphql-js and the PubSub of graphql-subscriptions.
import { createServer } from 'node:http';
import { GraphQLInt, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { PubSub } from 'graphql-subscriptions';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { Present, startEvents } from './event-source.mjs';

const pubsub = new PubSub();
const present = new Present();
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: 'Query', fields: { hello: { type: GraphQLString } } }),
  subscription: new GraphQLObjectType({
    name: 'Subscription',
    fields: {
      userCount: {
        type: new GraphQLNonNull(GraphQLInt),
        subscribe: (_root, _args, { viewer }) => pubsub.asyncIterableIterator(`user_count:${viewer}`),
      },
    },
  }),
});
const server = createServer();
useServer(
  {
    schema,
    context: (ctx) => ({ viewer: ctx.connectionParams.token }),
    onConnect: (ctx) => present.add(ctx.connectionParams.token),
    onDisconnect: (ctx) => present.delete(ctx.connectionParams.token),
  },
  new WebSocketServer({ server, path: '/graphql' }),
);
server.listen(0, '127.0.0.1', 4096, () =>
  startEvents(server.address().port, present.ids, (viewer, userCount) =>
    pubsub.publish(`user_count:${viewer}`, { userCount }),
  ),
);
