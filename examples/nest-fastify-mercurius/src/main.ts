import 'reflect-metadata';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import secureSession from '@fastify/secure-session';
import fastifyStatic from '@fastify/static';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { settings } from './settings.js';

const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter());
await app.register(secureSession, {
  key: Buffer.from(settings.cookieKey, 'hex'),
  cookie: { path: '/', httpOnly: true, sameSite: 'lax' },
});
await app.register(fastifyStatic, { root: fileURLToPath(new URL('../public', import.meta.url)) });
// The browser's script: /live/sallyport-live.js
await app.register(fastifyStatic, {
  root: dirname(fileURLToPath(import.meta.resolve('sallyport-client'))),
  prefix: '/live',
  decorateReply: false,
});
app.enableShutdownHooks();
await app.listen(settings.port, '127.0.0.1');
console.log(`Open http://127.0.0.1:${settings.port}`);
