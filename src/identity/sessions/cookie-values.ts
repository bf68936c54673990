/** The longest `Cookie` header that is read. Browsers send up to 4 KiB per cookie and about a hundred cookies. */
const MAX_HEADER_LENGTH = 16_384;

/**
 * What may precede a pair (RFC 6265 §4.2.1). Nothing else is dropped: browsers refuse a sibling domain's cookie only if
 * its name begins with `__Host-`, and not if another character, such as a no-break space, comes first.
 */
const LEADING_SPACE = /^[ \t]+/;

/** The values of the cookies of this name in a `Cookie` header, in order; none if the header is too long. */
export function cookieValues(header: string | undefined, name: string): readonly string[] {
  if (!header || header.length > MAX_HEADER_LENGTH) return [];
  const prefix = `${name}=`;
  const pairs = header.split(';').map((pair) => pair.replace(LEADING_SPACE, '').trimEnd());
  return pairs.filter((pair) => pair.startsWith(prefix)).map((pair) => pair.slice(prefix.length));
}

/** The `Set-Cookie` value that clears a cookie, which must have been set with the same attributes. */
export function clearedCookie(name: string, attributes: string): string {
  return `${name}=; ${attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`;
}
