// A host application built with Nest, Express and Apollo, that imports the package `sallyport`. It publishes on request; with
// MODULE=no it is the same app without the module. Reports how long the import of the module and the start took.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { decorate } from '../peers/decorate.mjs';

const TOP = new URL('../../', import.meta.url);
/** The repository's own copies, which dist/ uses too; bench/ has others for the peers. */
const resolve = createRequire(new URL('package.json', TOP)).resolve;
const load = (name) => import(pathToFileURL(resolve(name)).href);
await load('reflect-metadata');
const [{ ApolloDriver }, { Module }, { NestFactory }, { GraphQLModule, Int, Query, Resolver }] = await Promise.all(
  ['@nestjs/apollo', '@nestjs/common', '@nestjs/core', '@nestjs/graphql'].map(load),
);

class HelloResolver {
  hello() {
    return 'hello';
  }
}
decorate(HelloResolver, { method: 'hello', on: [Query(() => String)] });
decorate(HelloResolver, { on: [Resolver()] });

// An app that validates its input has it already.
await load('class-validator');
const began = performance.now();
const cpuBegan = process.cpuUsage();
const sallyport = process.env.MODULE === 'no' ? null : await import(new URL('dist/package/index.js', TOP));
const imports = [GraphQLModule.forRoot({ driver: ApolloDriver, autoSchemaFile: true, playground: false })];
/** Three feeds of the same kind. DELIVER_WITHIN is their `deliverWithin`, in milliseconds. */
const FEEDS = { user_count: 'userCount', second_count: 'secondCount', third_count: 'thirdCount' };
const feeds = Object.entries(sallyport ? FEEDS : {}).map(([name, field]) =>
  sallyport.defineFeed({
    name,
    field,
    type: Int,
    history: { events: 1, seconds: 3600 },
    onSubscribe: 'last-event',
    slowReader: 'keep-latest',
    deliverWithin: Number(process.env.DELIVER_WITHIN ?? 0),
  }),
);
if (sallyport) {
  const statusOf = (ids) => new Map(ids.map((id) => [id, new Date(Date.now() + 86_400_000)]));
  const options = {
    secretKeys: ['q7Zr2LmX0vKc9TfWbN4yHs8DgUe1PaJo5iQwRtYk'],
    sessions: { read: (person) => person, status: statusOf },
    token: { ttlSeconds: 3600 },
    limits: { throttleExempt: ['127.0.0.0/8'] },
  };
  imports.push(sallyport.SallyportModule.forRoot(options), ...feeds.map((feed) => sallyport.FeedModule.of(feed)));
}
class AppModule {}
decorate(AppModule, { on: [Module({ imports, providers: [HelloResolver] })] });
const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address();
const { user, system } = process.cpuUsage(cpuBegan);
process.send({ port, ms: performance.now() - began, cpuMs: (user + system) / 1000 });

process.on('message', async ({ people, viewers, burst, paced }) => {
  if (!sallyport) return;
  if (people) {
    const live = app.get(sallyport.Sallyport);
    const ids = Array.from({ length: people }, (_, index) => sallyport.viewerId('app', index));
    const tokens = await Promise.all(
      ids.map((viewer, index) => live.connectionToken({ viewer, session: `s-${index}` })),
    );
    process.send({ people: ids.map((viewerId, index) => ({ viewerId, token: tokens[index].token })) });
  }
  const bus = app.get(sallyport.TopicBus, { strict: false });
  const publish = (feed, toViewers = viewers) => {
    const topics = toViewers.map((viewer) => sallyport.topicOf(feed.topic, viewer));
    void bus.publish(topics.map((topic) => ({ topic, payload: 7 })));
  };
  if (burst) publish(feeds[0]);
  if (paced) await publishPaced(viewers, publish, paced);
});

/**
 * An even load: at each step the next group of viewers gets an event of the first feed, the group before it one of the
 * second, and the one before that one of the third. So each viewer's three events are one step apart.
 */
async function publishPaced(viewers, publish, { stepMs, groups, rounds }) {
  const size = viewers.length / groups;
  const steps = groups * rounds;
  const began = performance.now();
  for (let step = 0; step < steps + feeds.length - 1; step++) {
    const wait = began + step * stepMs - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    feeds.forEach((feed, behind) => {
      const start = ((step - behind) % groups) * size;
      if (step >= behind && step - behind < steps) publish(feed, viewers.slice(start, start + size));
    });
  }
}
