import { decodeProtectedHeader, type JWSHeaderParameters } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Issuer, json, type TokenOptions } from '../../../test/kit/issuer.js';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { IssuerKeys } from './issuer-keys.js';
import { isSignedBy } from './jws-signature.js';

const MINUTE_MS = 60_000;

let issuer: Issuer;
let keys: IssuerKeys;
let reasons: (string | null)[];
let aheadMs: number;

beforeEach(async () => {
  aheadMs = 0;
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + aheadMs);
  issuer = await Issuer.start();
  reasons = [];
  keys = new IssuerKeys({ issuer: issuer.url, jwksUri: null }, (reason) => reasons.push(reason));
});
afterEach(async () => {
  vi.restoreAllMocks();
  keys.close();
  await issuer.stop();
});

const find = (kid: string = issuer.kid) => keys.find({ alg: 'RS256', kid });

describe('TK-15 the keys of an issuer', () => {
  it('are fetched once for concurrent requests', async () => {
    await Promise.all(Array.from({ length: 100 }, () => find()));
    await find();
    expect([issuer.discoveries, issuer.keyFetches]).toEqual([1, 1]);
  });

  it('are fetched again for a new kid, and at most a few times a minute for invented ones', async () => {
    await find();
    await issuer.rotate();
    await find();
    expect(issuer.keyFetches).toBe(2);
    for (let second = 0; second < 60; second += 1) {
      aheadMs += 1_000;
      await Promise.allSettled(Array.from({ length: 20 }, (_, n) => find(`made-up-${second}-${n}`)));
    }
    expect(issuer.keyFetches).toBeLessThanOrEqual(2 + 5);
    aheadMs += 20_000;
    await issuer.rotate();
    await find();
  });

  const verify = async (header: TokenOptions['header'] = {}) => {
    const token = await issuer.sign('ann', { header });
    return keys.verify(decodeProtectedHeader(token) as JWSHeaderParameters, (key) => isSignedBy(token, 'RS256', key));
  };

  it.each([
    ['the kid that the old one had', () => ({})],
    ['no kid in its tokens', () => ({ kid: undefined })],
  ])('are fetched again for a new key with %s', async (_, header) => {
    expect(await verify(header())).toBe(true);
    aheadMs += 6_000;
    await issuer.rotate({ keepOld: false, kid: issuer.kid });
    expect(await verify(header())).toBe(true);
    expect(issuer.keyFetches).toBe(2);
  });

  it('are fetched at most a few times a minute for forged signatures, and not while they are new', async () => {
    const forged = { kid: issuer.kid };
    await issuer.rotate({ publish: false });
    expect(await verify(forged)).toBe(false);
    expect(issuer.keyFetches).toBe(1);
    for (let second = 0; second < 60; second += 1) {
      aheadMs += 1_000;
      expect(await Promise.all(Array.from({ length: 5 }, () => verify(forged)))).not.toContain(true);
    }
    expect(issuer.keyFetches).toBeLessThanOrEqual(1 + 5);
  });

  it('that were withdrawn are dropped within ten minutes', async () => {
    const old = issuer.kid;
    await find();
    await issuer.rotate({ keepOld: false });
    aheadMs += 10 * MINUTE_MS;
    await expect(find(old)).rejects.toThrow('no applicable key');
    await find();
  });

  it('are recalled only as they were found, until a refresh is due', async () => {
    expect(keys.recall({ alg: 'RS256', kid: issuer.kid })).toBeNull();
    const key = await find();
    expect(keys.recall({ alg: 'RS256', kid: issuer.kid })).toBe(key);
    expect(keys.recall({ alg: 'RS384', kid: issuer.kid })).toBeNull();
    expect(keys.recall({ alg: 'RS256' })).toBeNull();
    expect(keys.recall({ alg: 'RS256', kid: 'made-up' })).toBeNull();
    await expect(find('made-up')).rejects.toThrow('no applicable key');
    expect(keys.recall({ alg: 'RS256', kid: 'made-up' })).toBeNull();
    await find();
    aheadMs += 5 * MINUTE_MS;
    expect(keys.recall({ alg: 'RS256', kid: issuer.kid })).toBeNull();
  });

  it('that were withdrawn are not recalled after the next fetch', async () => {
    const old = issuer.kid;
    await find();
    await issuer.rotate({ keepOld: false });
    await find();
    expect(keys.recall({ alg: 'RS256', kid: old })).toBeNull();
    expect(keys.recall({ alg: 'RS256', kid: issuer.kid })).not.toBeNull();
  });

  it('that are known are used for hours but not a day without the issuer, and are fetched when it is back', async () => {
    await find();
    issuer.answerKeys = (_, response) => void response.writeHead(503).end();
    for (let minute = 0; minute < 60; minute += 1) {
      aheadMs += MINUTE_MS;
      await find();
    }
    expect(issuer.keyFetches).toBeLessThanOrEqual(1 + 60);
    aheadMs += 24 * 60 * MINUTE_MS;
    await expect(find()).rejects.toThrow(UnavailableError);
    issuer.answerKeys = null;
    aheadMs += 2_000;
    await find();
  });

  it('are asked for less and less often while none are known, and soon again after a success', async () => {
    const startMs = Math.ceil(performance.now());
    vi.spyOn(performance, 'now').mockImplementation(() => startMs + aheadMs);
    issuer.answerKeys = (_, response) => void response.writeHead(503).end();
    const failedAt: number[] = [];
    for (let second = 0; second < 120; second += 1) {
      const before = issuer.keyFetches;
      await Promise.allSettled(Array.from({ length: 20 }, (_, n) => find(`made-up-${second}-${n}`)));
      if (issuer.keyFetches > before) failedAt.push(second);
      aheadMs += 1_000;
    }
    expect(failedAt).toEqual([0, 1, 3, 7, 15, 31, 51, 71, 91, 111]);
    issuer.answerKeys = null;
    aheadMs += 20_000;
    await find();
    issuer.answerKeys = (_, response) => void response.writeHead(503).end();
    aheadMs += 24 * 60 * MINUTE_MS;
    await expect(find()).rejects.toThrow(UnavailableError);
    issuer.answerKeys = null;
    aheadMs += 1_000;
    await find();
  });

  it.each<[string, Issuer['answerKeys'], string]>([
    ['hangs', () => {}, 'no response in time'],
    [
      'drips',
      (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
      'no response in time',
    ],
    [
      'is huge',
      (_, response) => json(response, { keys: [], more: 'x'.repeat(1_000_000) }),
      'the response is too large',
    ],
    [
      'never ends',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const more = (): void =>
          void (response.destroyed || response.write('x'.repeat(64_000), () => setImmediate(more)));
        more();
      },
      'the response is too large',
    ],
    [
      'redirects',
      (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/keys' }).end(),
      'the response has status 302',
    ],
    ['fails', (_, response) => void response.writeHead(500).end(), 'the response has status 500'],
    ['answers HTML', (_, response) => json(response, { keys: [] }, 'text/html'), 'the response is not JSON'],
    [
      'answers no JSON',
      (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('<'),
      'the response is not a JSON object',
    ],
    ['answers a list', (_, response) => json(response, []), 'the response is not a JSON object'],
    ['answers no keys', (_, response) => json(response, { keys: {} }), 'the response is not a key set'],
    ['answers keys that are none', (_, response) => json(response, { keys: [1] }), 'the response is not a key set'],
    [
      'answers a thousand keys',
      (_, response) => json(response, { keys: Array.from({ length: 1_000 }, () => ({ kty: 'RSA' })) }),
      'the response is not a key set',
    ],
    ['closes', (request) => void request.socket.destroy(), 'no connection'],
  ])(
    'are not known where the endpoint %s',
    async (_, answer, reason) => {
      issuer.answerKeys = answer;
      await expect(find()).rejects.toThrow(UnavailableError);
      expect(reasons).toEqual([reason]);
    },
    15_000,
  );

  it('are not accepted from a discovery document of another issuer', async () => {
    issuer.answerDiscovery = (_, response) =>
      json(response, { issuer: 'https://id.example', jwks_uri: `${issuer.url}/jwks` });
    await expect(find()).rejects.toThrow(UnavailableError);
    expect(reasons).toEqual(['the discovery document names another issuer']);
  });

  it.each(['file:///etc/passwd', 'data:application/json,{}', 'jwks', 7, undefined])(
    'are not fetched from %s',
    async (uri) => {
      issuer.answerDiscovery = (_, response) => json(response, { issuer: issuer.url, jwks_uri: uri });
      await expect(find()).rejects.toThrow(UnavailableError);
      expect(reasons).toEqual(['the discovery document names no keys']);
    },
  );

  it('that are unreadable match no token', async () => {
    issuer.answerKeys = (_, response) =>
      json(response, { keys: [{ kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA', kid: 'broken' }] });
    await expect(keys.find({ alg: 'ES256', kid: 'broken' })).rejects.toThrow('cannot be read');
  });

  it('are never symmetric ones', async () => {
    issuer.answerKeys = (_, response) => json(response, { keys: [{ kty: 'oct', k: 'AAAA', kid: 'shared' }] });
    await expect(keys.find({ alg: 'HS256', kid: 'shared' })).rejects.toThrow('Unsupported');
    await expect(keys.find({ alg: 'RS256', kid: 'shared' })).rejects.toThrow('no applicable key');
  });
});
