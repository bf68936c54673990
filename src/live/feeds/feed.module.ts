import { type DynamicModule, Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { MetadataScanner } from '@nestjs/core';
import {
  Resolver,
  RESOLVER_NAME_METADATA,
  RESOLVER_TYPE_METADATA,
  Subscription,
  SUBSCRIPTION_OPTIONS_METADATA,
  SUBSCRIPTION_TYPE,
  type SubscriptionOptions,
} from '@nestjs/graphql';
import { TopicBus } from '../topics/topic.bus.js';
import { type TopicDefinition, topicOf } from '../topics/topic.js';
import { TopicStream } from '../topics/topic-stream.js';
import { FeedsModule } from './feeds.module.js';
import { CurrentViewer } from '../viewer/graphql-context.js';
import type { Viewer } from '../viewer/viewer.js';
import type { Feed } from './feed.js';
import { FeedRegistry } from './feed.registry.js';

/** Where TypeScript leaves the types of the parameters of a class with a decorator, and `@Inject()` what they get. */
const INJECTED = ['design:paramtypes', 'self:paramtypes'];

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
      useFactory: (feeds: FeedRegistry) => {
        if (resolver) checkResolver(feed.topic, resolver);
        feeds.register(feed, resolver !== undefined);
      },
      inject: [FeedRegistry],
    };
    const providers = [resolver ?? resolverOf(feed), registration];
    return { module: FeedModule, imports: [FeedsModule, ...imports], providers };
  }
}

/**
 * An event is `{ [field]: payload }`, which only a field of this name resolves to the payload.
 *
 * @throws Error when Nest cannot inject what the resolver needs, or when it has no subscription, or only ones of other
 * names, without a `resolve` of their own
 */
function checkResolver({ name, field }: TopicDefinition, resolver: Type): void {
  if (resolver.length > 0 && !INJECTED.some((key) => Reflect.hasMetadata(key, resolver)))
    throw new Error(
      `Feed "${name}": nothing can be injected into ${resolver.name}: add @Resolver(), and emitDecoratorMetadata to tsconfig.json.`,
    );
  const prototype = resolver.prototype as Record<string, object>;
  const fields: string[] = [];
  for (const method of new MetadataScanner().getAllMethodNames(prototype)) {
    const handler = prototype[method]!;
    if (Reflect.getMetadata(RESOLVER_TYPE_METADATA, handler) !== SUBSCRIPTION_TYPE) continue;
    const { resolve } = Reflect.getMetadata(SUBSCRIPTION_OPTIONS_METADATA, handler) as SubscriptionOptions;
    if (resolve) return;
    fields.push((Reflect.getMetadata(RESOLVER_NAME_METADATA, handler) as string | undefined) ?? method);
  }
  if (fields.includes(field)) return;
  const others = fields.length > 0 ? `, but ${fields.join(', ')}` : '';
  throw new Error(
    `Feed "${name}": ${resolver.name} has no subscription ${field}${others}. Give it one with the name of the feed's field: @Subscription(…, { name: '${field}' }).`,
  );
}

function resolverOf<T>({ topic, type, description }: Feed<T>): Type {
  @Resolver()
  class FeedResolver {
    constructor(private readonly bus: TopicBus) {}

    // Errors of @nestjs/graphql, such as of a class without @ObjectType(), name the method.
    @Subscription(() => type, { name: topic.field, ...(description === undefined ? {} : { description }) })
    [`feed ${topic.name}`](@CurrentViewer() viewer: Viewer): TopicStream<T> {
      return new TopicStream(this.bus, topicOf(topic, viewer.id));
    }
  }
  return FeedResolver;
}
