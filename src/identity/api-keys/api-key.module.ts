import { Module } from '@nestjs/common';
import { ApiKeyStore } from './api-key.store.js';
import { ApiKeys } from './api-keys.service.js';

/** The keys of other backends: for `POST /publish`, and for the commands that make and revoke them. */
@Module({ providers: [ApiKeyStore, ApiKeys], exports: [ApiKeyStore, ApiKeys] })
export class ApiKeyModule {}
