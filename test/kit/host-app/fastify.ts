import { randomUUID } from 'node:crypto';
import secureSession from '@fastify/secure-session';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { Body, Controller, HttpCode, Module, Post, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule } from '@nestjs/graphql';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { FeedModule, Sallyport, SallyportModule, type SallyportOptions, type SessionPort } from '../../../src/index.js';
import { type HostApp, OrderStatusFeed, UserSessions, ShopResolver, viewerOf } from './app.js';

declare module '@fastify/secure-session' {
  interface SessionData {
    id: string;
  }
}

const KEY = Buffer.alloc(32, 7);
const DAY_MS = 86_400_000;

@Controller()
class AccountController {
  constructor(
    private readonly sallyport: Sallyport,
    private readonly users: UserSessions,
  ) {}

  @Post('login')
  @HttpCode(200)
  login(@Req() request: FastifyRequest, @Body() { user }: { user: string }): { user: string } {
    const id = randomUUID();
    this.users.sessions.set(id, { user, endsAt: new Date(Date.now() + DAY_MS) });
    request.session.set('id', id);
    return { user };
  }

  @Post('live-token')
  @HttpCode(200)
  async liveToken(@Req() request: FastifyRequest): Promise<{ token: string | null }> {
    const signed = await this.sallyport.connectionToken(request);
    return { token: signed?.token ?? null };
  }

  @Post('logout')
  @HttpCode(200)
  async logout(@Req() request: FastifyRequest): Promise<object> {
    const id = request.session.get('id');
    if (id === undefined) return {};
    this.users.sessions.delete(id);
    request.session.delete();
    await this.sallyport.revokeSession(id);
    return {};
  }
}

function sessionsOf(users: UserSessions): SessionPort<FastifyRequest> {
  return {
    read: (request) => {
      const session = request.session.get('id') ?? '';
      const found = users.sessions.get(session);
      return found ? { viewer: viewerOf(found.user), session } : null;
    },
    status: (ids) => users.status(ids),
  };
}

/** Nest on Fastify with Mercurius and sessions in an encrypted cookie. */
export const FASTIFY_APP: HostApp = {
  name: 'Fastify, Mercurius, @fastify/secure-session',
  async start(users, options = {}) {
    @Module({ providers: [{ provide: UserSessions, useValue: users }], exports: [UserSessions] })
    class PeopleModule {}
    @Module({
      imports: [
        PeopleModule,
        GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true }),
        SallyportModule.forRootAsync({
          imports: [PeopleModule],
          inject: [UserSessions],
          useFactory: (injected: UserSessions): SallyportOptions => ({
            secretKeys: ['q7Zr2LmX0vKc9TfWbN4yHs8DgUe1PaJo5iQwRtYk'],
            sessions: sessionsOf(injected),
            ...options,
          }),
        }),
        FeedModule.of(OrderStatusFeed),
      ],
      controllers: [AccountController],
      providers: [ShopResolver],
    })
    class HostModule {}
    const app = await NestFactory.create<NestFastifyApplication>(HostModule, new FastifyAdapter(), {
      logger: false,
      abortOnError: false,
    });
    await app.register(secureSession, { key: KEY, cookie: { path: '/' } });
    await app.listen(0, '127.0.0.1');
    return { url: await app.getUrl(), app, sallyport: app.get(Sallyport), stop: () => app.close() };
  },
};
