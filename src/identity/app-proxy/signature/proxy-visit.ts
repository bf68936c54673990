import { RESERVED_NAMES, type SignatureRefusal, type SignatureVerdict, verifySignedQuery } from './signed-query.js';

/** How far a request's timestamp may differ from now, in seconds, in either direction. */
export const FRESHNESS_SECONDS = 90;

const TIMESTAMP = /^\d{1,11}$/;
const CUSTOMER_ID = /^(?:|[1-9]\d{0,19})$/;
const PATH_PREFIX = /^(?=.{2,128}$)(?:\/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+$/;
const REQUIRED = ['shop', 'path_prefix', 'timestamp'] as const;

/** What the shop's proxy reports. Created only from a query with a valid signature. */
export interface ProxyVisit {
  /** The shop's myshopify.com domain, one of the configured ones. */
  readonly shop: string;
  /** Our path in the shop, such as `/apps/live`. Merchants may change it. Safe inside HTML, JSON and a URL. */
  readonly pathPrefix: string;
  /** The shop's number for the customer, or null if the visitor is not logged in. */
  readonly customerId: string | null;
  /** Never shown, logged or passed on; used to detect replays. */
  readonly signature: string;
}

/** Why a request is refused. `ambiguous`: the signed text can be split into parameters in more than one way. */
export type VisitRefusal = SignatureRefusal | 'ambiguous' | 'stale' | 'unknown-shop';

/** A verified request, or the reason for the log. */
export type VisitVerdict =
  { readonly ok: true; readonly visit: ProxyVisit } | { readonly ok: false; readonly reason: VisitRefusal };

/** The values that a request is verified against. */
export interface VisitRules {
  readonly secret: string;
  readonly shops: ReadonlySet<string>;
  /** The time of the request, in ms since the epoch. */
  readonly nowMs: number;
}

/**
 * Verifies a proxied request: first the signature, then that its text has only one reading, then the strict format of
 * each reserved parameter, then the shop and the time.
 */
export function readProxyVisit(rawQuery: string, rules: VisitRules): VisitVerdict {
  const signed = verifySignedQuery(rawQuery, rules.secret);
  if (!signed.ok) return signed;
  if (isAmbiguous(signed)) return { ok: false, reason: 'ambiguous' };
  const [shop, pathPrefix, timestamp] = REQUIRED.map((name) => signed.parameters.get(name) ?? '');
  const customerId = signed.parameters.get('logged_in_customer_id') ?? '';
  if (!TIMESTAMP.test(timestamp ?? '') || !CUSTOMER_ID.test(customerId) || !PATH_PREFIX.test(pathPrefix ?? '')) {
    return { ok: false, reason: 'malformed' };
  }
  if (!shop || !rules.shops.has(shop)) return { ok: false, reason: 'unknown-shop' };
  const age = Math.trunc(rules.nowMs / 1000) - Number(timestamp);
  if (Math.abs(age) > FRESHNESS_SECONDS) return { ok: false, reason: 'stale' };
  const visit = { shop, pathPrefix: pathPrefix ?? '', customerId: customerId || null, signature: signed.signature };
  return { ok: true, visit };
}

/**
 * The signed text has no separators, so a visitor's `a=1logged_in_customer_id=42m=` has the same signature as three
 * parameters. `<reserved>=` may therefore occur in the whole text only as often as the parameter itself does: checking
 * single names and values would miss a name such as `mlogged_in_customer_id` and a word that is split over two parts.
 */
function isAmbiguous({ parameters, canonical }: SignatureVerdict & { ok: true }): boolean {
  for (const name of RESERVED_NAMES) {
    const given = parameters.getAll(name).length;
    const written = name === 'signature' ? 0 : given;
    if (given > 1 || canonical.split(`${name}=`).length - 1 !== written) return true;
  }
  return [...parameters.keys()].some((key) => RESERVED_NAMES.some((name) => key.startsWith(`${name}[`)));
}
