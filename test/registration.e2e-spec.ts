import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Invitations } from '../src/identity/accounts/invitations.js';
import { AccountService } from '../src/identity/accounts/account.service.js';
import { Database } from '../src/identity/database/database.js';
import { invitations } from '../src/identity/database/schema.js';
import { type GqlResponse, newCredentials } from './kit/browser.js';
import { startServer, type TestServer } from './kit/server.js';

const REGISTER =
  'mutation ($email: String!, $password: String!, $invitation: String) { register(email: $email, password: $password, invitation: $invitation) { id } }';
const QUIET = { USER_COUNT_INTERVAL_SECONDS: '3600', THROTTLE_EXEMPT: '127.0.0.1' };

const codeOf = (answer: GqlResponse): string => answer.errors[0]?.extensions.code ?? 'none';

describe.each(['open', 'closed'])('REGISTRATION=%s', (mode) => {
  let server: TestServer;
  beforeAll(async () => void (server = await startServer({ env: { ...QUIET, REGISTRATION: mode } })));
  afterAll(() => server.stop());

  it('is told to pages', async () => {
    expect(await server.browser().query('{ registration }')).toEqual({ registration: mode.toUpperCase() });
  });

  it('lets everyone register, or no one, and operators can always create accounts', async () => {
    const answer = await server.browser().gql(REGISTER, { ...newCredentials() });
    expect(codeOf(answer)).toBe(mode === 'open' ? 'none' : 'FORBIDDEN');
    const ada = newCredentials();
    await server.app.get(AccountService, { strict: false }).create(ada.email, ada.password);
    await server.browser().login(ada);
  });

  if (mode !== 'closed') return;
  it('gives the same answer for a registered e-mail as for any other', async () => {
    const ada = newCredentials();
    await server.app.get(AccountService, { strict: false }).create(ada.email, ada.password);
    const [known, unknown] = [
      await server.browser().gql(REGISTER, { ...ada }),
      await server.browser().gql(REGISTER, { ...newCredentials() }),
    ];
    expect(known.text).toBe(unknown.text);
  });
});

describe('REGISTRATION=invite', () => {
  let server: TestServer;
  let invited: Invitations;
  beforeAll(async () => {
    server = await startServer({ env: { ...QUIET, REGISTRATION: 'invite' } });
    invited = server.app.get(Invitations, { strict: false });
  });
  afterAll(() => server.stop());

  const register = (invitation: string | null, who = newCredentials()): Promise<GqlResponse> =>
    server.browser().gql(REGISTER, { ...who, invitation });

  it('is told to pages', async () => {
    expect(await server.browser().query('{ registration }')).toEqual({ registration: 'INVITE' });
  });

  it('creates one account per invitation, also when five requests use it at once', async () => {
    const { code } = await invited.create(7);
    const answers = await Promise.all(Array.from({ length: 5 }, () => register(code)));
    expect(answers.map(codeOf).sort()).toEqual([...Array.from({ length: 4 }, () => 'BAD_USER_INPUT'), 'none']);
    expect(codeOf(await register(code))).toBe('BAD_USER_INPUT');
  });

  it('keeps an invitation that did not create an account', async () => {
    const [{ code }, { code: other }] = [await invited.create(7), await invited.create(7)];
    const ada = newCredentials();
    expect(codeOf(await register(code, ada))).toBe('none');
    expect(codeOf(await register(other, ada))).toBe('EMAIL_TAKEN');
    expect(codeOf(await register(other, { ...newCredentials(), password: 'short' }))).toBe('BAD_USER_INPUT');
    expect(codeOf(await register(other))).toBe('none');
  });

  it.each([
    ['none', null],
    ['an unknown one', 'A'.repeat(22)],
    ['no code at all', 'x'.repeat(10_000)],
  ])('refuses %s with the same message for registered and unregistered e-mails', async (_, invitation) => {
    const ada = newCredentials();
    await server.app.get(AccountService, { strict: false }).create(ada.email, ada.password);
    const [known, unknown] = [await register(invitation, ada), await register(invitation)];
    expect(known.errors[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'invitation' });
    expect(known.text).toBe(unknown.text);
    expect(known.text).toBe((await register(null)).text);
  });

  it('expires, and ends when it is revoked', async () => {
    const [{ code: expired }, { id, code: revoked }] = [await invited.create(1), await invited.create(7)];
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 86_400_001 });
    const late = codeOf(await register(expired));
    vi.useRealTimers();
    expect(late).toBe('BAD_USER_INPUT');
    expect((await invited.list()).map((each) => each.id)).toContain(id);
    expect(await invited.revoke(id)).toBe(true);
    expect(await invited.revoke(id)).toBe(false);
    expect(await invited.revoke('no id')).toBe(false);
    expect(codeOf(await register(revoked))).toBe('BAD_USER_INPUT');
  });

  it('is stored as a hash', async () => {
    const { code } = await invited.create(7);
    const rows = await server.app.get(Database).run((orm) => orm.select().from(invitations));
    expect(JSON.stringify(rows)).not.toContain(code);
    expect(JSON.stringify(await invited.list())).not.toContain(code);
  });
});
