import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CliContext } from './command.js';
import { runCommand } from './program.js';

/** Runs a command on these services. */
async function run(args: readonly string[], service: object = {}): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const context: Omit<CliContext, 'print'> = {
    withStores: (action) => action({ get: () => service } as never, { nodesUnreachable: false }),
    signal: new AbortController().signal,
    ask: async () => '',
  };
  const output = { out: (text: string) => void (out += text), error: (text: string) => void (err += text) };
  const code = await runCommand(args, context, output);
  return { code, out, err };
}

describe('the help of', () => {
  it.each(['api-key create', 'audit', 'invitation create', 'publish', 'rejected list', 'seed', 'user list'])(
    '%s names each default once, in words',
    async (command) => {
      const { code, out } = await run([...command.split(' '), '--help']);
      expect(code).toBe(0);
      for (const option of out.split(/\n(?= {2}-)/)) expect(option.match(/default/g)?.length ?? 0).toBeLessThan(2);
      expect(out).not.toMatch(/default: (?:\[\]|"")/);
    },
  );
});

describe('webhook retry', () => {
  it.each([
    ['without ids', []],
    ['with ids and --all', [randomUUID(), '--all']],
  ])('%s sends nothing, and says what to give', async (_, args) => {
    const retry = vi.fn();
    expect(await run(['webhook', 'retry', ...args], { retry })).toEqual({
      code: 1,
      out: '',
      err: 'sallyport: Name the ids of webhooks, or give --all.\n',
    });
    expect(retry).not.toHaveBeenCalled();
  });
});

it('webhook retry takes an id as the receiver has it', async () => {
  const retry = vi.fn(async () => 2);
  const [id, other] = [randomUUID(), randomUUID()];
  expect(await run(['webhook', 'retry', id, `msg_${other}`], { retry })).toMatchObject({ code: 0 });
  expect(retry).toHaveBeenCalledWith([id, other]);
});

it('sessions revoke fails for an id of no valid session', async () => {
  expect(await run(['sessions', 'revoke', randomUUID()], { end: async () => false })).toEqual({
    code: 1,
    out: '',
    err: 'sallyport: There is no valid session with this id.\n',
  });
});

describe('a command that reads a wrong configuration', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it.each(['publish notifications user:1 {}', 'rejected list'])('names every error: %s', async (command) => {
    vi.stubEnv('PORT', 'x');
    vi.stubEnv('LOG_LEVEL', 'loud');
    const { code, err } = await run(command.split(' '));
    expect(code).toBe(1);
    expect(err).toMatch(/^sallyport: The configuration is invalid:\n {2}PORT: [^.]*\.\n {2}LOG_LEVEL: [^.]*\.\n$/);
  });
});
