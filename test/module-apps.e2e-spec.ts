import { createSecureServer, createServer } from 'node:http2';
import type { Server } from 'node:net';
import { Global, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { SallyportModule } from '../src/index.js';
import { startSallyport, TestSessions } from '../src/testing/index.js';
import { needs, requireNeed } from './kit/needs.js';
import { rawUpgrade } from './kit/raw-upgrade.js';

const KEY = 'q7Zr2LmX0vKc9TfWbN4yHs8DgUe1PaJo5iQwRtYk';

it.each(['before', 'after'])(
  'the Registry of a global module of the application, imported %s, is its own',
  async (at) => {
    const own = new Registry();
    @Global()
    @Module({ providers: [{ provide: Registry, useValue: own }], exports: [Registry] })
    class MetricsModule {}
    @Injectable()
    class Orders {
      constructor(readonly registry: Registry) {}
    }
    @Module({ providers: [Orders] })
    class OrdersModule {}
    const sallyport = SallyportModule.forRoot({ secretKeys: [KEY], sessions: new TestSessions() });
    const imports = at === 'before' ? [MetricsModule, sallyport] : [sallyport, MetricsModule];
    @Module({ imports: [...imports, OrdersModule] })
    class AppModule {}
    const app = await NestFactory.create(AppModule, new ExpressAdapter(), { logger: false, abortOnError: false });
    await app.init();
    expect(app.get(Orders, { strict: false }).registry).toBe(own);
    expect(own.getMetricsAsArray()).toEqual([]);
    await app.close();
  },
);

it('an HTTP server that speaks only HTTP/2 fails the start, with TLS or without', async () => {
  @Module({ imports: [SallyportModule.forRoot({ secretKeys: [KEY], sessions: new TestSessions() })] })
  class AppModule {}
  const start = async (server: Server): Promise<void> => {
    const adapter = new FastifyAdapter({
      serverFactory: (handler: () => void) => server.on('request', handler) as never,
    });
    const app = await NestFactory.create(AppModule, adapter, { logger: false, abortOnError: false });
    await app.init();
    await app.close();
  };
  for (const server of [createServer(), createSecureServer()])
    await expect(start(server)).rejects.toThrow(/speaks only HTTP\/2.*add allowHTTP1: true/);
  await expect(start(createSecureServer({ allowHTTP1: true }))).resolves.toBeUndefined();
});

describe('a message names the option of the module', () => {
  it('to a page of another origin', async () => {
    const live = await startSallyport();
    const { body } = await rawUpgrade(live.url, { headers: { origin: 'https://evil.example' } });
    expect(body).toContain('see allowedOrigins of SallyportModule.');
    await live.stop();
  });

  needs('redis', 'postgres')('at the start, if the store', () => {
    it.each(['redis', 'postgres'] as const)('%s cannot be used', async (kind) => {
      const url = new URL(requireNeed(kind));
      if (kind === 'redis') Object.assign(url, { username: 'nobody', password: 'wrong' });
      else url.pathname = '/sallyport_test_nowhere';
      const failure = await startSallyport({ sallyport: { store: { kind, url: url.href } } }).catch(
        (error: Error) => error.message,
      );
      expect(failure).toContain('store.url of SallyportModule');
      expect(failure).toContain("use the store 'memory'");
      expect(failure).not.toMatch(/_URL/);
    });
  });
});
