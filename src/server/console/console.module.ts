import { Module } from '@nestjs/common';
import { ApiKeyModule } from '../../identity/api-keys/api-key.module.js';
import { DatabaseModule } from '../../identity/database/database.module.js';
import { RateLimitModule } from '../../live/rate-limit/rate-limit.module.js';
import { AccountModule } from '../../identity/accounts/account.module.js';
import { ApiTokenModule } from '../../identity/api-tokens/api-token.module.js';
import { AuditModule } from '../../identity/audit/audit.module.js';
import { SessionModule } from '../../identity/sessions/session.module.js';
import { FeedsModule } from '../../live/feeds/feeds.module.js';
import { PublisherModule } from '../../live/publish/publisher.module.js';
import { PublishEndpointModule } from '../http-api/publish-endpoint.module.js';
import { PagesModule } from '../pages/pages.module.js';
import { ConsoleCookie } from './console-cookie.js';
import { ConsolePageController, ConsoleSwitch } from './console-page.controller.js';
import { ConsoleSessionController } from './console-session.controller.js';
import { ConsoleSessionStore } from './console-session.store.js';
import { ConsoleSessions } from './console-sessions.service.js';
import { ConsoleAdmission, ConsoleRules } from './console.rules.js';
import { ConsoleAuditController } from './console-audit.controller.js';
import { ConsoleKeys, ConsoleKeysController } from './console-keys.controller.js';
import { ConsolePublishController, ConsolePublisher } from './console-publish.controller.js';
import { ConsoleViewersController } from './console-viewers.controller.js';
import { FeedForms } from './feed-forms.js';
import { NodeReporter } from './node-report.js';
import { NodeReportStore } from './node-report.store.js';
import { NodeReports } from './node-reports.js';
import { NodesController } from './nodes.controller.js';
import { OperatorScopes } from './operator-scopes.js';
import { TopicEventReader } from './topic-event-reader.js';
import { TopicLookUp } from './topic-look-up.js';
import { ViewerLookUp } from './viewer-look-up.js';
import { ViewerActions } from './viewer-actions.js';

/** The console for operators, at `/console`: closed until an API key has the scope `console`. */
@Module({
  imports: [
    AccountModule,
    ApiKeyModule,
    ApiTokenModule,
    AuditModule,
    DatabaseModule,
    FeedsModule,
    PagesModule,
    PublishEndpointModule,
    PublisherModule,
    RateLimitModule,
    SessionModule,
  ],
  controllers: [
    ConsolePageController,
    ConsoleSessionController,
    NodesController,
    ConsoleViewersController,
    ConsolePublishController,
    ConsoleKeysController,
    ConsoleAuditController,
  ],
  providers: [
    ConsoleSwitch,
    ConsoleCookie,
    ConsoleSessionStore,
    ConsoleSessions,
    ConsoleAdmission,
    ConsoleRules,
    NodeReporter,
    NodeReportStore,
    NodeReports,
    OperatorScopes,
    FeedForms,
    ConsolePublisher,
    ConsoleKeys,
    TopicLookUp,
    TopicEventReader,
    ViewerLookUp,
    ViewerActions,
  ],
})
export class ConsoleModule {}
