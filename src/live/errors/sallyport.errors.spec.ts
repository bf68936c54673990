import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CloseCode } from '../../protocol/close-code.js';
import { ERROR_CODES } from '../../protocol/error-code.js';
import { HTTP_STATUS } from './sallyport.errors.js';

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
const protocol = readFileSync(new URL('../../../PROTOCOL.md', import.meta.url), 'utf8');

describe('docs/errors.md', () => {
  it('lists every error code with its HTTP status', () => {
    const documented = rows(page, 'Error codes').map(([code, status]) => [code, Number(status)]);
    expect(documented).toEqual(ERROR_CODES.map((code) => [code, HTTP_STATUS[code]]));
  });

  it('lists every close code by number and name', () => {
    const documented = rows(page, 'Close codes').map(([code, name]) => [name, Number(code)]);
    expect(documented).toEqual(Object.entries(CloseCode));
  });
});

describe('PROTOCOL.md', () => {
  it('lists every close code but the ordinary one', () => {
    const documented = rows(protocol, '6. Close codes').map(([code]) => Number(code));
    expect(documented).toEqual(Object.values(CloseCode).filter((code) => code !== CloseCode.Normal));
  });
});

/** The cells of the first table under a heading, without its head and without backticks. */
function rows(markdown: string, heading: string): string[][] {
  const section = markdown.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}
