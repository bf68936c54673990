import 'reflect-metadata';
import { dirname, join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module';
import { redis, sessionMiddleware } from './sessions';
import { settings } from './settings';

async function main(): Promise<void> {
  await redis.connect();
  const app = await NestFactory.create<NestExpressApplication>(AppModule);
  app.use(sessionMiddleware);
  app.useStaticAssets(join(__dirname, '../public'));
  // The browser's script: /live/sallyport-live.js
  app.useStaticAssets(dirname(require.resolve('sallyport-client')), { prefix: '/live' });
  app.enableShutdownHooks();
  await app.listen(settings.port, '127.0.0.1');
  console.log(`Open http://127.0.0.1:${settings.port}`);
}

void main();
