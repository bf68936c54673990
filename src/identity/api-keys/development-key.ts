import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Logger } from 'pino';
import { DATABASE_CONFIG, type DatabaseConfig, HTTP_CONFIG, type HttpConfig } from '../identity.config.js';
import { readOrMake } from '../database/kept-file.js';
import { StartError } from '../../live/errors/sallyport.errors.js';
import { LOGGER } from '../../live/logging/logger.js';
import { DEFAULT_SCOPES } from './api-key-scopes.js';
import { hashApiKey, isApiKey, newApiKey } from './api-key.js';
import { ApiKeyStore } from './api-key.store.js';

/** The name prefix of development keys. Production accepts none of them, even if they are in the database. */
export const DEVELOPMENT_KEY_PREFIX = 'development-';

/** The path of a data folder's development key. */
export function developmentKeyFile(dataDir: string): string {
  return resolve(join(dataDir, 'development-api-key'));
}

/**
 * A key for trying out publishing. Outside production the first start creates it and logs where it is kept; it is never
 * printed. To remove it, delete the file and revoke the name.
 */
@Injectable()
export class DevelopmentKey implements OnApplicationBootstrap {
  constructor(
    private readonly store: ApiKeyStore,
    @Inject(HTTP_CONFIG) private readonly http: HttpConfig,
    @Inject(DATABASE_CONFIG) private readonly database: DatabaseConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.http.production) return;
    const file = developmentKeyFile(this.database.dataDir);
    const hash = hashApiKey(keyIn(file));
    // Named by its hash: nodes with a data folder each may share a database.
    const name = `${DEVELOPMENT_KEY_PREFIX}${hash.slice(0, 8)}`;
    const unlimited = { expiresAt: null, addresses: null };
    await this.store.add({ id: randomUUID(), name, createdAt: new Date(), scopes: DEFAULT_SCOPES, ...unlimited }, hash);
    this.logger.info({ file }, 'an API key for POST /publish in development is kept here');
  }
}

function keyIn(file: string): string {
  const key = readKey(file);
  if (isApiKey(key)) return key;
  throw new StartError(`${file} does not hold an API key: delete it, and the next start creates another.`);
}

function readKey(file: string): string {
  try {
    return readOrMake(file, newApiKey);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new StartError(
      `The key for development cannot be kept in ${file} (${code}): check DATA_DIR and its permissions.`,
      { cause: error },
    );
  }
}
