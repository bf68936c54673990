import { type DynamicModule, Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { Resolver, Subscription } from '@nestjs/graphql';
import { TopicBus } from '../topics/topic.bus.js';
import { topicOf } from '../topics/topic.js';
import { TopicStream } from '../topics/topic-stream.js';
import { FeedsModule } from './feeds.module.js';
import { CurrentViewer } from '../viewer/graphql-context.js';
import type { Viewer } from '../viewer/viewer.js';
import type { Feed } from './feed.js';
import { FeedRegistry } from './feed.registry.js';

/** Adds a feed: its subscription field, and its entry in the registry that publishing uses. */
@Module({})
export class FeedModule {
  /**
   * @param resolver for a feed whose field needs more than the viewer's topic, such as filter arguments. Default: one
   * that returns the viewer's topic
   * @param imports the modules of what that resolver and its guards inject. Default: none
   */
  static of<T>(feed: Feed<T>, resolver?: Type, imports: NonNullable<ModuleMetadata['imports']> = []): DynamicModule {
    const registration = {
      provide: Symbol(feed.topic.name),
      useFactory: (feeds: FeedRegistry) => feeds.register(feed, resolver !== undefined),
      inject: [FeedRegistry],
    };
    const providers = [resolver ?? resolverOf(feed), registration];
    return { module: FeedModule, imports: [FeedsModule, ...imports], providers };
  }
}

function resolverOf<T>({ topic, type, description }: Feed<T>): Type {
  @Resolver()
  class FeedResolver {
    constructor(private readonly bus: TopicBus) {}

    @Subscription(() => type, { name: topic.field, ...(description === undefined ? {} : { description }) })
    subscribe(@CurrentViewer() viewer: Viewer): TopicStream<T> {
      return new TopicStream(this.bus, topicOf(topic, viewer.id));
    }
  }
  return FeedResolver;
}
