import { Module } from '@nestjs/common';
import { Int, Query, Resolver, Subscription } from '@nestjs/graphql';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { AppModule } from '../src/app.module.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';

/** 10 s in production. */
vi.mock(import('../src/live/gateway/execution/resolver-deadline.js'), async (original) => ({
  ...(await original()),
  EXECUTION_DEADLINE_MS: 300 as 10_000,
}));

const never = (): Promise<never> => new Promise(() => {});

@Resolver()
class HangingResolver {
  @Query(() => Int, { nullable: true })
  hangs(): Promise<never> {
    return never();
  }

  @Subscription(() => Int)
  hangsAtStart(): Promise<never> {
    return never();
  }
}

@Module({ providers: [HangingResolver] })
class HangingModule {}

let server: TestServer;
let ada: SignedIn;
beforeAll(async () => {
  const whole = AppModule.of.bind(AppModule);
  vi.spyOn(AppModule, 'of').mockImplementation((config, live) => {
    const module = whole(config, live);
    return { ...module, imports: [...(module.imports ?? []), HangingModule] };
  });
  server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600' } });
  ada = await server.signedIn('ada');
});
afterAll(() => server.stop());

const late = {
  message: 'The server took too long: try again in a moment.',
  extensions: { code: 'UNAVAILABLE' },
};

it('a hanging resolver is answered at its deadline over HTTP, with the results of others', async () => {
  const { data, errors } = await ada.browser.gql('{ hangs me { user { id } } }');
  expect(data).toEqual({ hangs: null, me: { user: { id: ada.id } } });
  expect(errors).toMatchObject([{ ...late, path: ['hangs'] }]);
});

it('a hanging resolver is answered at its deadline on the socket, which stays open', async () => {
  const socket = await ada.socket();
  socket.subscribe('1', 'subscription { hangsAtStart }');
  expect((await socket.waitForNext('1')).errors).toMatchObject([late]);
  await socket.waitForMessage('complete', '1');
  socket.subscribe('1', 'subscription { userCount }');
  expect(await socket.settled()).toEqual([]);
  await socket.close();
});
