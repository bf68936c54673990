import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CloseCode } from '../src/protocol/close-code.js';
import { freePort } from './kit/free-port.js';
import { startServer, type TestServer } from './kit/server.js';

/** Runs `npm run demo -- url`; its exit code and what it printed. */
function demo(url: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['scripts/demo.mjs', url], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr });
    });
  });
}

describe('npm run demo', () => {
  let server: TestServer;
  beforeAll(async () => void (server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '0.2' } })));
  afterAll(() => server.stop());

  it('plays a new user from the first cookie to the close code, and shows no token', async () => {
    const { code, output } = await demo(server.url);
    expect(output).toMatch(new RegExp(`closed +${CloseCode.Unauthorized} `));
    expect(output.match(/userCount +([1-9]|10) /g)).toHaveLength(3);
    expect(output).not.toMatch(/eyJ[\w-]+\.[\w-]+/);
    expect(code).toBe(0);
  });

  it('says in one line that nothing answers, and fails', async () => {
    const { code, output } = await demo(`http://127.0.0.1:${await freePort()}`);
    expect(output.trim().split('\n').at(-1)).toMatch(/Nothing answers at .*npm start/);
    expect(code).toBe(1);
  });
});
