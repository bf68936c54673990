import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUDIT_EVENTS } from '../src/live/logging/audit-log.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { Browser } from './kit/browser.js';
import { openSocket } from '../src/testing/live-socket.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { startServer } from './kit/server.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const SESSIONS = '{ sessions { ip userAgent } }';
type Sessions = { sessions: { ip: string; userAgent: string }[] };

describe("PX-1 the client's address", () => {
  const seenAs = async (env: Record<string, string>, address: string): Promise<string | undefined> => {
    const server = await startServer({ env });
    try {
      const browser = server.browser({ address });
      await browser.register();
      const { sessions } = await browser.query<Sessions>(SESSIONS);
      return sessions[0]?.ip;
    } finally {
      await server.stop();
    }
  };

  it("is the peer's if no proxy is trusted, whatever a header says", async () => {
    expect(await seenAs({}, '203.0.113.9')).toBe('127.0.0.1');
  });

  it('is the rightmost address that is not a trusted proxy', async () => {
    const env = { TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8' };
    expect(await seenAs(env, '203.0.113.1, 203.0.113.9, 10.1.2.3')).toBe('203.0.113.9');
  });
});

describe('the log', () => {
  const CANARY = 'canary-5b1e-password';
  const folder = temporaryFolder('log');
  let server: ServerProcess;

  beforeAll(async () => {
    server = await startServerProcess({ DATA_DIR: folder.path, LOG_LEVEL: 'trace', USER_COUNT_INTERVAL_SECONDS: '1' });
  });
  afterAll(async () => {
    await server.end();
    folder.remove();
  });

  it('LK-1 LK-5 CK-2 contains viewer, address and reason, but no password, cookie or token', async () => {
    const browser = new Browser(server.url, { userAgent: 'evil\\n{"level":"info","msg":"forged"}' });
    await browser.register({ email: 'log@example.test', password: CANARY });
    await browser.gql(`mutation { login(email: "log@example.test", password: "${CANARY}-wrong") { id } }`);
    await browser.gql(`mutation { login(email: "log@example.test", password: "${CANARY}" nope: 1) { id } }`);
    const token = await browser.token();
    const socket = await openSocket(server.url, { token });
    socket.subscribe('1', 'subscription { userCount }');
    await socket.waitForNext('1');
    const refused = await openSocket(server.url);
    refused.send({ type: 'connection_init', payload: { token: `${token}x` } });
    expect((await refused.waitForClose()).code).toBe(CloseCode.Forbidden);
    await browser.logout();
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
    await server.end();

    const lines = server
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'));
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const messages = entries.map((entry) => entry['msg']);
    expect(messages).toContain('socket admitted');
    expect(entries).toContainEqual(expect.objectContaining({ msg: 'socket refused', reason: 'invalid' }));
    expect(entries).toContainEqual(expect.objectContaining({ msg: 'socket closed', code: CloseCode.Unauthorized }));
    const audited = entries.filter(({ event }) => String(event) in AUDIT_EVENTS);
    expect(new Set(audited.map(({ event }) => event))).toContain('socket-opened');
    for (const entry of audited)
      expect(Object.keys(entry)).toEqual(expect.arrayContaining(['viewer', 'address', 'reason', 'by']));
    expect(messages).not.toContain('forged');
    for (const secret of [CANARY, token, token.split('.')[2]!, ...browser.cookies.values()]) {
      expect(server.output()).not.toContain(secret);
    }
  });
});

it('GQ-7 inputs accept only what the schema defines, and a user has no secret fields', async () => {
  const server = await startServer();
  try {
    const browser = server.browser();
    const mutation = 'mutation { register(email: "a@b.example", password: "a long enough one", role: "admin") { id } }';
    expect((await browser.gql(mutation)).errors[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    await browser.register();
    for (const field of ['passwordHash', 'role', 'sessions']) {
      expect((await browser.gql(`{ me { user { ${field} } } }`)).data).toBeNull();
    }
  } finally {
    await server.stop();
  }
});
