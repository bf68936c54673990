import 'reflect-metadata';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { toNodeHandler } from 'better-auth/node';
import { Sallyport } from 'sallyport';
import { AppModule } from './app.module.js';
import { addDemoUsers, auth, onSessionEnd } from './auth.js';
import { settings } from './settings.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule);
// Before Nest's own body parsers: better-auth reads its requests itself.
app.use('/api/auth', toNodeHandler(auth));
app.useStaticAssets(fileURLToPath(new URL('../public', import.meta.url)));
// The browser's script: /live/sallyport-live.js
app.useStaticAssets(dirname(fileURLToPath(import.meta.resolve('sallyport-client'))), { prefix: '/live' });
app.enableShutdownHooks();
// The sockets of a session that has ended close with 4401 at once, on every node.
const sallyport = app.get(Sallyport);
onSessionEnd((session) => sallyport.revokeSession(session));
await addDemoUsers();
await app.listen(settings.port, '127.0.0.1');
console.log(`Open ${settings.baseUrl}`);
