import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startSallyport } from '../src/testing/start-sallyport.js';
import { openSocket } from '../src/testing/live-socket.js';
import { FeedModule } from '../src/live/feeds/feed.module.js';
import { viewerId } from '../src/live/viewer/external-viewer.js';
import { runTool, Consumer, copyRepository, pack } from './kit/consumer/consumer.js';
import * as source from './kit/consumer/sources.js';
import { OrderStatusFeed } from './kit/host-app/app.js';
import { needs } from './kit/needs.js';
import { createDatabase } from './kit/postgres-database.js';
import { temporaryFolder } from './kit/temporary-folder.js';

/** The size of 0.1.0 with its dependencies. */
const MEGABYTES_OF_0_1_0 = 212;
/** Dependencies of the stand-alone server, which no package may install. */
const SERVER_ONLY =
  /pglite|argon2|react|fastify|apollo|commander|drizzle|zxcvbn|^(?:zod|jose|pg|@nestjs\/(?:jwt|apollo))$/;
const SOURCE_TOOLS = ['@types/node@20'];
const NEST_12 = ['common@12', 'core@12', 'graphql@14', 'platform-fastify@12', 'mercurius@14'];
const NEST_11 = ['common@11', 'core@11', 'graphql@13', 'platform-express@11', 'apollo@13'];
const nest = (names: readonly string[]): string[] => names.map((name) => `@nestjs/${name}`);

const folder = temporaryFolder('packages');
const repository = join(folder.path, 'repository');
let consumer: Consumer;
let module: string;
let client: string;

beforeAll(async () => {
  mkdirSync(repository);
  copyRepository(repository);
  module = await pack(repository);
  client = await pack(join(repository, 'client'));
});
afterEach(() => consumer?.stop());
afterAll(() => folder.remove());

const manifestIn = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Record<string, unknown>;

/** Gets a token from the application, opens a socket, makes the application publish, and returns the received event. */
async function eventOf(url: string): Promise<unknown> {
  const answer = await fetch(`${url}/token`, { headers: { 'x-session': 'one' } });
  const { token } = (await answer.json()) as { token: string };
  const socket = await openSocket(url);
  await socket.init({ token, resumable: true, positions: true });
  await socket.subscribed('1', 'subscription { orderStatus { state } }');
  await fetch(`${url}/orders`, { method: 'POST' });
  const { data } = await socket.waitForNext('1');
  await socket.close();
  return data;
}

describe('npm pack', () => {
  it('puts package.json and the README back as they were', () => {
    for (const name of ['package.json', 'README.md', 'client/package.json'])
      expect(readFileSync(join(repository, name), 'utf8')).toBe(readFileSync(name, 'utf8'));
    const left = [...readdirSync(repository), ...readdirSync(join(repository, 'client'))];
    expect(left.filter((name) => name.endsWith('.original'))).toEqual([]);
  });

  it('packs nothing but what is built, the license, the README and the manifest', async () => {
    for (const tarball of [module, client]) {
      const { stdout } = await promisify(execFile)('tar', ['-tzf', tarball]);
      const files = stdout.split('\n').filter((name) => name !== '' && !name.startsWith('package/dist/'));
      expect(files.sort()).toEqual(['package/LICENSE', 'package/README.md', 'package/package.json']);
    }
  });

  it.each(['sallyport', 'sallyport-client'])('makes %s such that publint and attw find nothing', async (name) => {
    const tarball = name === 'sallyport' ? module : client;
    const lint = await runTool(repository, 'publint', tarball, '--strict');
    expect(lint.output).toContain('All good!');
    const types = await runTool(repository, 'attw', tarball, '--no-color', '--no-emoji');
    expect(types).toMatchObject({ ok: true });
  });
});

describe('sallyport, installed from its tarball', () => {
  it('works in an ESM application on Nest 12 and Fastify', async () => {
    consumer = new Consumer(join(folder.path, 'esm'), { type: 'module' });
    const others = ['mercurius@16', 'fastify@5', 'graphql@16', 'class-validator', 'reflect-metadata', 'rxjs'];
    await consumer.install(module, ...nest(NEST_12), ...others, ...SOURCE_TOOLS);
    const platform = {
      driver: 'MercuriusDriver',
      imports: `import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { FastifyAdapter } from '@nestjs/platform-fastify';`,
      adapter: 'new FastifyAdapter()',
    };
    consumer.write('app.ts', source.appSource(platform));
    consumer.write('testing.ts', source.testingSource(platform));
    consumer.write('library.ts', source.LIBRARY_SOURCE);
    consumer.write('tsconfig.json', JSON.stringify(source.ESM));
    expect(await consumer.compile()).toEqual([]);
    expect(await consumer.run('testing.js')).toBe('Sallyport');
    const url = await consumer.start('app.js')();
    expect(await eventOf(url)).toEqual({ orderStatus: { state: 'shipped' } });
    await consumer.stop();
    const away = { STORE_URL: 'postgres://nobody@127.0.0.1:1/nowhere' };
    await expect(consumer.start('app.js', away)()).rejects.toThrow(/needs the package pg\. Run: npm install pg/);
  });

  it('works in a CommonJS application on Nest 11 and Express', async () => {
    consumer = new Consumer(join(folder.path, 'commonjs'));
    const others = ['@apollo/server@5', '@as-integrations/express5', 'graphql@16', 'class-validator@0.14'];
    await consumer.install(module, ...nest(NEST_11), ...others, 'reflect-metadata', 'rxjs', ...SOURCE_TOOLS);
    const platform = {
      driver: 'ApolloDriver',
      imports: `import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';`,
      adapter: '',
    };
    consumer.write('app.ts', source.appSource(platform));
    consumer.write('testing.ts', source.testingSource(platform));
    consumer.write('library.ts', source.LIBRARY_SOURCE);
    consumer.write('tsconfig.json', JSON.stringify(source.COMMONJS));
    expect(await consumer.compile()).toEqual([]);
    expect(await consumer.run('testing.js')).toBe('Sallyport');
    const url = await consumer.start('app.js')();
    expect(await eventOf(url)).toEqual({ orderStatus: { state: 'shipped' } });
  });

  needs('postgres')('with its store in PostgreSQL', () => {
    it('works in that application, with the oldest pg that it accepts', async () => {
      const database = await createDatabase();
      consumer = new Consumer(join(folder.path, 'commonjs'), null);
      await consumer.install('pg@8.15.0');
      const url = await consumer.start('app.js', { STORE_URL: database.url })();
      expect(await eventOf(url)).toEqual({ orderStatus: { state: 'shipped' } });
      await consumer.stop();
      await database.drop();
    });
  });

  it('brings nothing of the stand-alone server, and little else', async () => {
    consumer = new Consumer(join(folder.path, 'bare'));
    await consumer.install(module, '--omit=peer');
    const bare = consumer.installed();
    expect(consumer.read('node_modules/sallyport/README.md')).toBe(readFileSync('src/README.md', 'utf8'));
    const manifest = manifestIn(join(consumer.folder, 'node_modules/sallyport'));
    consumer = new Consumer(join(folder.path, 'with-peers'));
    await consumer.install(module);
    const whole = consumer.installed();
    console.log(
      `sallyport installs ${bare.packages.length} packages, ${bare.megabytes} MB; with its peers ` +
        `${whole.packages.length}, ${whole.megabytes} MB (0.1.0: ${MEGABYTES_OF_0_1_0} MB).`,
    );
    expect(bare.packages.filter((name) => SERVER_ONLY.test(name))).toEqual([]);
    expect(bare.megabytes).toBeLessThan(20);
    expect(whole.megabytes).toBeLessThan(120);
    expect(Object.keys(manifest['dependencies'] as object)).toEqual([
      'dataloader',
      'graphql-ws',
      'ioredis',
      'ipaddr.js',
      'lru-cache',
      'pino',
      'prom-client',
      'rate-limiter-flexible',
      'tslib',
      'ws',
    ]);
    expect(manifest).toMatchObject({ peerDependenciesMeta: { pg: { optional: true } } });
    expect(manifest).not.toHaveProperty('private');
    expect(manifest).not.toHaveProperty('devDependencies');
    expect(manifest).toMatchObject({ license: 'MIT', publishConfig: { provenance: true } });
    for (const name of ['LICENSE', 'README.md'])
      expect(existsSync(join(consumer.folder, 'node_modules/sallyport', name))).toBe(true);
  });
});

describe('sallyport-client, installed from its tarball', () => {
  it.each([
    ['an ES module', { type: 'module' }, source.ESM],
    ['CommonJS', {}, source.COMMONJS],
  ])('works as %s', async (name, manifest, config) => {
    consumer = new Consumer(join(folder.path, `client-${name.replace(' ', '-')}`), manifest);
    await consumer.install(client, 'graphql-ws@6', 'graphql@16', 'ws@8', '@types/ws@8', ...SOURCE_TOOLS);
    consumer.write('page.ts', source.CLIENT_SOURCE);
    consumer.write('tsconfig.json', JSON.stringify(config));
    expect(await consumer.compile()).toEqual([]);
    const live = await startSallyport({ imports: [FeedModule.of(OrderStatusFeed)] });
    const viewer = viewerId('app', '42');
    const signed = await live.sallyport.connectionToken({ viewer, session: 'one' });
    const line = consumer.start('page.js', { LIVE_URL: `${live.url}/graphql`, LIVE_TOKEN: signed?.token ?? '' });
    expect(await line()).toBe('subscribed');
    await live.sallyport.publish(OrderStatusFeed, viewer, { order: '1', state: 'shipped' });
    expect(JSON.parse(await line())).toMatchObject({
      data: { orderStatus: { state: 'shipped' } },
      states: ['connecting', 'live'],
      normal: 1000,
    });
    await live.stop();
  });
});
