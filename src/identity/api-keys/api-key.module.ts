import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { ApiKeyStore } from './api-key.store.js';
import { ApiKeys } from './api-keys.service.js';

/** The keys of other backends: for `POST /publish`, and for the commands that create and revoke them. */
@Module({ imports: [DatabaseModule], providers: [ApiKeyStore, ApiKeys], exports: [ApiKeyStore, ApiKeys] })
export class ApiKeyModule {}
