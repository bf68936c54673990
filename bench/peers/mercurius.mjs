// Mercurius on Fastify with its own subscriptions, emitter and jit.
import Fastify from 'fastify';
import mercurius from 'mercurius';
import { Present, startEvents } from './event-source.mjs';

const present = new Present();
const app = Fastify();
app.register(mercurius, {
  schema: 'type Query { hello: String } type Subscription { userCount: Int! }',
  resolvers: {
    Subscription: {
      userCount: { subscribe: (_root, _args, { pubsub, viewer }) => pubsub.subscribe(`user_count:${viewer}`) },
    },
  },
  jit: 1,
  subscription: {
    onConnect: ({ payload }) => {
      present.add(payload.token);
      return { viewer: payload.token };
    },
    onDisconnect: ({ viewer }) => present.delete(viewer),
  },
});
await app.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
startEvents(app.server.address().port, present.ids, (viewer, userCount) =>
  app.graphql.pubsub.publish({ topic: `user_count:${viewer}`, payload: { userCount } }),
);
