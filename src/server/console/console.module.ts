import { Module } from '@nestjs/common';
import { ApiKeyModule } from '../../identity/api-keys/api-key.module.js';
import { DatabaseModule } from '../../identity/database/database.module.js';
import { RateLimitModule } from '../../live/rate-limit/rate-limit.module.js';
import { PublishModule } from '../http-api/publish.module.js';
import { PagesModule } from '../pages/pages.module.js';
import { ConsoleCookie } from './console-cookie.js';
import { ConsolePageController, ConsoleSwitch } from './console-page.controller.js';
import { ConsoleSessionController } from './console-session.controller.js';
import { ConsoleSessionStore } from './console-session.store.js';
import { ConsoleSessions } from './console-sessions.service.js';
import { ConsoleAdmission, ConsoleRules } from './console.rules.js';
import { NodeReporter } from './node-report.js';
import { NodeReportStore } from './node-report.store.js';
import { NodeReports } from './node-reports.js';
import { NodesController } from './nodes.controller.js';

/** The console for operators, at `/console`: closed until an API key has the scope `console`. */
@Module({
  imports: [ApiKeyModule, DatabaseModule, RateLimitModule, PublishModule, PagesModule],
  controllers: [ConsolePageController, ConsoleSessionController, NodesController],
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
  ],
})
export class ConsoleModule {}
