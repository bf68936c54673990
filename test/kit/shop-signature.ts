import { createHmac } from 'node:crypto';

/**
 * Signs a query as the shop's documentation tells: decoded `name=value` lines, values of one name joined by a comma,
 * sorted bytewise, concatenated, HMAC-SHA256, hexadecimal. Written a second time on purpose: a test that signs with the
 * verifier's own code would agree with any mistake in it.
 */
export function signQuery(parameters: URLSearchParams, secret: string): string {
  const names = [...new Set(parameters.keys())].filter((name) => name !== 'signature');
  const lines = names.map((name) => Buffer.from(`${name}=${parameters.getAll(name).join(',')}`).toString('latin1'));
  return createHmac('sha256', secret).update(lines.sort().join(''), 'latin1').digest('hex');
}
