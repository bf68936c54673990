import { Module } from '@nestjs/common';
import { RateLimitModule } from '../../live/rate-limit/rate-limit.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { ApiKeyAttempts } from './api-key-attempts.js';
import { ApiKeyGuard } from './api-key.guard.js';
import { ApiKeyStore } from './api-key.store.js';
import { ApiKeys } from './api-keys.service.js';

/** API keys: created, revoked, and verified where a backend or an operator presents one. */
@Module({
  imports: [DatabaseModule, RateLimitModule],
  providers: [ApiKeyStore, ApiKeys, ApiKeyAttempts, ApiKeyGuard],
  exports: [ApiKeyStore, ApiKeys, ApiKeyAttempts, ApiKeyGuard],
})
export class ApiKeyModule {}
