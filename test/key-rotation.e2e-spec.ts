import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Browser } from './kit/browser.js';
import { freePort } from '../scripts/free-port.mjs';
import { openSocket } from '../src/testing/live-socket.js';
import { needs } from './kit/needs.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { temporaryFolder } from './kit/temporary-folder.js';

vi.setConfig({ testTimeout: 300_000 });

const PEOPLE = 2;

needs('postgres', 'redis')('rotating keys in the documented order, under load', () => {
  const folder = temporaryFolder('rotation');
  const [old, next] = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')];
  const nodes: (ServerProcess | null)[] = [null, null];
  let ports: number[];
  let database: TestDatabase;

  const start = async (index: number, keys: string): Promise<void> => {
    nodes[index] = await startServerProcess({
      DATABASE_URL: database.url,
      DATA_DIR: folder.path,
      PORT: String(ports[index]),
      PUBLIC_URL: 'http://localhost:3000',
      THROTTLE_EXEMPT: '127.0.0.1',
      SECRET_KEYS: keys,
      LOG_LEVEL: 'warn',
    });
  };
  const restart = async (index: number, keys: string): Promise<void> => {
    const node = nodes[index];
    nodes[index] = null;
    await node?.end();
    await start(index, keys);
  };

  beforeAll(async () => {
    [database, ports] = await Promise.all([createDatabase(), Promise.all([freePort(), freePort()])]);
    await Promise.all([start(0, old), start(1, old)]);
  });
  afterAll(async () => {
    for (const node of nodes) await node?.end();
    await database.drop();
    folder.remove();
  });

  it('never refuses a token of one node on the other', async () => {
    const people = await Promise.all(
      Array.from({ length: PEOPLE }, async () => {
        const browser = new Browser(nodes[0]?.url ?? '');
        await browser.register();
        return browser;
      }),
    );
    const outcomes: string[] = [];
    const done = new AbortController();
    const load = people.map(async (person, number) => {
      for (let turn = number; !done.signal.aborted; turn += 1) outcomes.push(await reconnectOnOtherNode(person, turn));
    });
    // As in docs/operations.md: every node verifies with the new key, then signs with it, then the old key is removed.
    for (const keys of [`${old},${next}`, `${next},${old}`, next]) {
      for (const index of [0, 1]) {
        await restart(index, keys);
        const before = outcomes.filter((outcome) => outcome === 'opened').length;
        await vi.waitFor(
          () => expect(outcomes.filter((outcome) => outcome === 'opened').length).toBeGreaterThan(before + 4),
          {
            timeout: 30_000,
          },
        );
      }
    }
    done.abort();
    await Promise.all(load);
    expect(new Set(outcomes)).toEqual(new Set(['opened', 'node away']));
  });

  /** Opens a socket on one node with a token from the other. A node that is stopping or starting is not a refusal. */
  async function reconnectOnOtherNode(person: Browser, turn: number): Promise<string> {
    const [from, to] = turn % 2 === 0 ? [nodes[0], nodes[1]] : [nodes[1], nodes[0]];
    // While one node restarts, the other issues and accepts the token.
    const [source, target] = [from ?? to, to ?? from];
    if (!source || !target) return 'node away';
    try {
      const here = new Browser(source.url);
      for (const [name, value] of person.cookies) here.cookies.set(name, value);
      const token = await here.token();
      const socket = await openSocket(target.url, { token });
      await socket.close();
      return 'opened';
    } catch (error) {
      const text = String(error);
      if (/\b(?:4401|4403)\b/.test(text)) return text;
      return source.child.exitCode === null &&
        target.child.exitCode === null &&
        nodes.includes(source) &&
        nodes.includes(target)
        ? text
        : 'node away';
    }
  }
});
