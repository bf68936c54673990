// An identity provider: serves its keys over HTTP, and signs thousands of tokens.
import { createServer } from 'node:http';
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';

const LIFE_SECONDS = 3_600;
const TYPES = {
  RS256: { make: () => generateKeyPairSync('rsa', { modulusLength: 2048 }), hash: 'sha256', options: {} },
  ES256: {
    make: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    hash: 'sha256',
    options: { dsaEncoding: 'ieee-p1363' },
  },
};
const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Starts a provider that signs with this algorithm. */
export async function startIssuer(algorithm) {
  const { hash, options, make } = TYPES[algorithm];
  const { publicKey, privateKey } = make();
  const kid = createHash('sha256').update(randomUUID()).digest('hex').slice(0, 8);
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' }];
  const server = createServer((_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys })),
  );
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const jwt = (claims, typ) => {
    const iat = Math.floor(Date.now() / 1000);
    const payload = { iss: issuer, aud: 'sallyport', iat, exp: iat + LIFE_SECONDS, ...claims };
    const input = `${encode({ alg: algorithm, kid, typ })}.${encode(payload)}`;
    return `${input}.${sign(hash, Buffer.from(input), { key: privateKey, ...options }).toString('base64url')}`;
  };
  return {
    config: { source: algorithm.toLowerCase(), issuer, audience: 'sallyport', jwksUri: `${issuer}/jwks` },
    token: (sub, sid) => jwt({ sub, sid }, 'at+jwt'),
    logoutToken: (sid) => jwt({ sid, jti: randomUUID(), events: { [LOGOUT_EVENT]: {} } }, 'logout+jwt'),
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
