import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { LOGGER } from '../../live/logging/logger.js';
import { WEB_ROOT } from './page-files.js';

const YEAR_MS = 365 * 24 * 60 * 60 * 1000;

/**
 * Serves `/assets/*`: files whose names contain their hash, so they are cached for a year without revalidation (RFC
 * 8246). They are compressed at build time, never on request.
 */
@Injectable()
export class AssetFiles implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onModuleInit(): Promise<void> {
    const root = fileURLToPath(new URL('assets/', WEB_ROOT));
    if (!existsSync(root)) {
      this.logger.warn('the pages are not built: run npm run build');
      return;
    }
    const fastify = this.host.httpAdapter.getInstance<FastifyInstance>();
    await fastify.register(fastifyStatic, {
      root,
      prefix: '/assets/',
      decorateReply: false,
      preCompressed: true,
      immutable: true,
      maxAge: YEAR_MS,
      index: false,
      redirect: false,
    });
  }
}
