import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Body, Controller, HttpCode, Module, Post, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule } from '@nestjs/graphql';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Request } from 'express';
import session, { MemoryStore, type SessionData } from 'express-session';
import { FeedModule, Sallyport, SallyportModule, type SallyportOptions, type SessionPort } from '../../../src/index.js';
import { type HostApp, OrderStatusFeed, type UserSessions, ShopResolver, viewerOf } from './app.js';

declare module 'express-session' {
  interface SessionData {
    user: string;
  }
}

const SECRET = 'the secret of the cookies of a host application';
const DAY_MS = 86_400_000;
/** One session store for all nodes with the same `users`, like a database. */
const stores = new WeakMap<UserSessions, MemoryStore>();

function storeOf(users: UserSessions): MemoryStore {
  const store = stores.get(users) ?? new MemoryStore();
  stores.set(users, store);
  return store;
}

@Controller()
class AccountController {
  constructor(private readonly sallyport: Sallyport) {}

  @Post('login')
  @HttpCode(200)
  login(@Req() request: Request, @Body() { user }: { user: string }): { user: string } {
    request.session.user = user;
    return { user };
  }

  @Post('live-token')
  @HttpCode(200)
  async liveToken(@Req() request: Request): Promise<{ token: string | null }> {
    const signed = await this.sallyport.connectionToken(request);
    return { token: signed?.token ?? null };
  }

  @Post('logout')
  @HttpCode(200)
  async logout(@Req() request: Request): Promise<object> {
    const { sessionID } = request;
    await new Promise((resolve) => request.session.destroy(resolve));
    await this.sallyport.revokeSession(sessionID);
    return {};
  }
}

function sessionsOf(users: UserSessions): SessionPort<Request> {
  const store = storeOf(users);
  return {
    read: ({ session: { user }, sessionID }) =>
      user === undefined ? null : { viewer: viewerOf(user), session: sessionID },
    status: async (ids) => {
      if (users.failure !== 'none') await users.status(ids);
      const found = await Promise.all(ids.map((id) => read(store, id)));
      const endsAt = new Date(Date.now() + DAY_MS);
      return new Map(ids.filter((_, index) => found[index]).map((id) => [id, endsAt]));
    },
  };
}

function read(store: MemoryStore, id: string): Promise<SessionData | null> {
  return new Promise((resolve, reject) => {
    store.get(id, (error: Error | null, data) => (error ? reject(error) : resolve(data ?? null)));
  });
}

/** Nest on Express with Apollo and express-session. */
export const EXPRESS_APP: HostApp = {
  name: 'Express, Apollo, express-session',
  async start(users, options = {}) {
    const settings: SallyportOptions = {
      secretKeys: ['q7Zr2LmX0vKc9TfWbN4yHs8DgUe1PaJo5iQwRtYk'],
      sessions: sessionsOf(users),
      ...options,
    };
    @Module({
      imports: [
        GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
        SallyportModule.forRoot(settings),
        FeedModule.of(OrderStatusFeed),
      ],
      controllers: [AccountController],
      providers: [ShopResolver],
    })
    class HostModule {}
    const app = await NestFactory.create<NestExpressApplication>(HostModule, { logger: false, abortOnError: false });
    app.use(session({ secret: SECRET, store: storeOf(users), resave: false, saveUninitialized: false }));
    await app.listen(0, '127.0.0.1');
    return { url: await app.getUrl(), app, sallyport: app.get(Sallyport), stop: () => app.close() };
  },
};
