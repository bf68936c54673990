import { expect, it } from 'vitest';
import type { SingleUse } from '../../live/tokens/single-use.js';
import { Keyring } from '../../live/tokens/keyring.js';
import { TokenService } from '../../live/tokens/token.service.js';
import { AccountAuthenticator } from './account.authenticator.js';
import type { SessionLookup } from './session-lookup.js';

const config = { ttlSeconds: 60, singleUse: false, issuer: 'https://app.example' };
const tokens = new TokenService(new Keyring({ keys: ['a-secret-of-more-than-32-bytes-0123456789'] }), config);
const unasked = {
  statusOf: () => Promise.reject(new Error('The database is not asked.')),
} as unknown as SessionLookup;
const authenticator = new AccountAuthenticator(tokens, unasked, {} as SingleUse);
const SESSION = '6f1c3a52-7d7b-4f3e-9b1a-2f4c5d6e7f80';

it.each([
  ['TK-5 refuses a genuine token of a customer', 'customer:demo.myshopify.com:42', SESSION],
  ['TK-5 refuses a genuine token whose session is no session of ours', `user:${SESSION}`, 'sess_1'],
] as const)('%s', async (_, id, sessionId) => {
  const { token } = tokens.sign({ id, sessionId });
  expect(authenticator.recognises(token)).toBe(true);
  expect(await authenticator.authenticate(token)).toEqual({ ok: false, reason: 'invalid' });
});
