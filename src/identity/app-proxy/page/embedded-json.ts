/**
 * Writes flat data as JSON that stays data wherever it is put: inside Liquid (no brace but the two outermost, no percent sign)
 * and inside an HTML script element (no angle bracket, no ampersand). ASCII only.
 */
export function embeddedJson(data: Readonly<Record<string, string>>): string {
  const inner = JSON.stringify(data).slice(1, -1);
  return `{${inner.replace(/[{}%<>&'\u007f-\uffff]/g, escaped)}}`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
