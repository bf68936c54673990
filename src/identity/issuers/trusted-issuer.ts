import { isSource } from '../../live/viewer/external-name.js';
import type { TrustedIssuer } from '../identity.config.js';

/** The default algorithms of an issuer: asymmetric ones only (RFC 8725 §3.1, RFC 9864). */
export const ASYMMETRIC_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

/** The issuers, or what is wrong with each one. */
export type ParsedIssuers =
  | { readonly ok: true; readonly issuers: readonly TrustedIssuer[] }
  | { readonly ok: false; readonly faults: readonly string[] };

const FIELDS = ['source', 'issuer', 'audience', 'clientId', 'jwksUri', 'algorithms'];
const MAX_ISSUERS = 50;
const MAX_TEXT = 500;

/**
 * Parses `TRUSTED_ISSUERS`. An error names the entry's position and the field, never a value.
 *
 * @param text a JSON array; empty text means no issuers
 */
export function parseTrustedIssuers(text: string): ParsedIssuers {
  if (text.trim() === '') return { ok: true, issuers: [] };
  const entries = parseArray(text);
  if (!entries || entries.length > MAX_ISSUERS)
    return {
      ok: false,
      faults: [
        `expected a JSON array of at most ${MAX_ISSUERS} issuers, such as [{"source":"acme","issuer":"https://id.example","audience":"sallyport"}], or @ and the path of a file that holds it`,
      ],
    };
  const faults = entries.flatMap((entry, index) => faultsOf(entry).map((fault) => `entry ${index + 1}: ${fault}`));
  const read = entries as TrustedIssuer[];
  if (faults.length === 0) faults.push(...repeated(read, 'source'), ...repeated(read, 'issuer'));
  return faults.length > 0 ? { ok: false, faults } : { ok: true, issuers: read.map(withDefaults) };
}

function parseArray(text: string): readonly unknown[] | null {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function faultsOf(entry: unknown): string[] {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return ['expected an object'];
  const { source, issuer, audience, clientId, jwksUri, algorithms } = entry as Record<string, unknown>;
  const expected: readonly (readonly [boolean, string])[] = [
    [isSource(source), 'source: expected 1 to 32 of a-z, 0-9 and -, with no - in front'],
    [isIssuer(issuer), 'issuer: expected the URL that the provider writes as iss, without a query'],
    [isText(audience), 'audience: expected the text that the provider writes as aud'],
    [clientId === undefined || isText(clientId), 'clientId: expected text, or nothing'],
    [jwksUri === undefined || isHttpUrl(jwksUri), 'jwksUri: expected a URL, or nothing'],
    [
      algorithms === undefined || areAlgorithms(algorithms),
      `algorithms: expected some of ${ASYMMETRIC_ALGORITHMS.join(', ')}`,
    ],
    [Object.keys(entry).every((name) => FIELDS.includes(name)), `expected no other fields than ${FIELDS.join(', ')}`],
  ];
  return expected.filter(([holds]) => !holds).map(([, fault]) => fault);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT;
}

/** URL parsing drops white space and control characters, so the text would differ from the URL that is requested. */
function isHttpUrl(value: unknown): value is string {
  if (!isText(value) || /[\s\p{Control}]/u.test(value)) return false;
  if (!URL.canParse(value) || !/^https?:\/\//.test(value)) return false;
  const { username, password } = new URL(value);
  return username === '' && password === '';
}

/** OpenID Connect Discovery §2: no query and no fragment. */
function isIssuer(value: unknown): boolean {
  return isHttpUrl(value) && !/[?#]/.test(value);
}

function areAlgorithms(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((name) => (ASYMMETRIC_ALGORITHMS as readonly unknown[]).includes(name))
  );
}

function repeated(entries: readonly TrustedIssuer[], field: 'source' | 'issuer'): string[] {
  return entries.flatMap((entry, index) =>
    entries.findIndex((other) => other[field] === entry[field]) < index
      ? [`entry ${index + 1}: ${field}: expected each one once`]
      : [],
  );
}

function withDefaults(
  entry: Partial<TrustedIssuer> & Pick<TrustedIssuer, 'source' | 'issuer' | 'audience'>,
): TrustedIssuer {
  const { source, issuer, audience } = entry;
  return {
    source,
    issuer,
    audience,
    clientId: entry.clientId ?? audience,
    jwksUri: entry.jwksUri ?? null,
    algorithms: entry.algorithms ?? ASYMMETRIC_ALGORITHMS,
  };
}
