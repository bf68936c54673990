import { createHmac } from 'node:crypto';

/**
 * Signs a query as the shop's documentation says: decoded `name=value` lines, values of one name joined by a comma,
 * sorted bytewise, concatenated; HMAC-SHA256 in hexadecimal. It does not use the verifier's code, since it would then
 * share any mistake.
 */
export function signQuery(parameters: URLSearchParams, secret: string): string {
  const names = [...new Set(parameters.keys())].filter((name) => name !== 'signature');
  const lines = names.map((name) => Buffer.from(`${name}=${parameters.getAll(name).join(',')}`).toString('latin1'));
  return createHmac('sha256', secret).update(lines.sort().join(''), 'latin1').digest('hex');
}
