/**
 * Text as it is printed: characters that control a terminal are escaped as in JSON, because others wrote a part of it,
 * such as a user agent or an origin. Line ends and tabs stay.
 */
export function printable(text: string): string {
  return text.replaceAll(/(?![\n\t])\p{Cc}/gu, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
