import { Global, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { SallyportModule } from '../src/index.js';
import { TestSessions } from '../src/testing/index.js';

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
