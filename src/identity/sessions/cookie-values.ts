/** The longest `Cookie` header that is read. Browsers send up to 4 KiB per cookie and about a hundred cookies. */
const MAX_HEADER_LENGTH = 16_384;

/** The values of the cookies of this name in a `Cookie` header, in order; none if the header is too long. */
export function cookieValues(header: string | undefined, name: string): readonly string[] {
  if (!header || header.length > MAX_HEADER_LENGTH) return [];
  const prefix = `${name}=`;
  const pairs = header.split(';').map((pair) => pair.trim());
  return pairs.filter((pair) => pair.startsWith(prefix)).map((pair) => pair.slice(prefix.length));
}
