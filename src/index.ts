/** The exports of `sallyport`. Only this file and testing/index.ts re-export others. */
export {
  SallyportModule,
  type SallyportAsyncOptions,
  type SallyportOptionsFactory,
} from './module/sallyport.module.js';
export { Sallyport, type LiveEvent, type ViewerPresence } from './module/sallyport.js';
export type { LimitOptions, LoggerLike, SallyportOptions } from './module/options.js';
export type { SessionPort, SignedInViewer, StoreOptions } from './module/options.js';
export { FeedModule } from './live/feeds/feed.module.js';
export { defineFeed, type Feed, type FeedOptions, type FeedType } from './live/feeds/feed.js';
export type { ObjectClass } from './live/feeds/compiled-rules.js';
export { IsInstant, type PayloadVerdict } from './live/feeds/payload-check.js';
export { GraphQLDateTime } from './live/gateway/execution/date-time.scalar.js';
export { CurrentViewer } from './live/viewer/graphql-context.js';
export { viewerId } from './live/viewer/external-viewer.js';
export type { Viewer, ViewerId } from './live/viewer/viewer.js';
export type { ClientFacts, ContextCookies, GraphqlContext } from './live/viewer/graphql-context.js';
export type { SocketFacts } from './live/live.config.js';
export type { SignedToken } from './live/tokens/token.service.js';
export type { PublishResult } from './live/publish/publisher.service.js';
export type { EventError } from './live/publish/published-event.js';
export { TopicBus } from './live/topics/topic.bus.js';
export type { HistoryPage, HistoryRange, Publication, PublishOutcome } from './live/topics/topic.bus.js';
export type { TopicSink, TopicSubscription } from './live/topics/topic.bus.js';
export { type SlowReaderPolicy, type Topic, type TopicDefinition, topicOf } from './live/topics/topic.js';
export type { TopicEvent } from './live/topics/topic-event.js';
export type { Position } from './live/topics/cursor.js';
export { TopicStream } from './live/topics/topic-stream.js';
export { SallyportError, UnauthenticatedError, UnavailableError } from './live/errors/sallyport.errors.js';
export { type ErrorDetails, StartError } from './live/errors/sallyport.errors.js';
export { CloseCode } from './protocol/close-code.js';
