import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const EXAMPLES = readdirSync(join(ROOT, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => join('examples', name));
const PAGES = ['.', 'docs', 'docs/decisions', 'client', 'bench', 'src', 'examples', ...EXAMPLES].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** Returns a heading's anchor, as code hosts generate it. */
function anchorOf(heading: string): string {
  const plain = heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '');
  return plain.trim().replaceAll(' ', '-');
}

/** Returns the targets of a page's links within the project as [file, anchor]. */
function linksOf(page: string): [string, string][] {
  const text = read(page).replaceAll(/```[\s\S]*?```/g, '');
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
  const inside = targets.filter((target) => !/^[a-z]+:/.test(target));
  return inside.map((target) => {
    const [file = '', anchor = ''] = target.split('#');
    return [file === '' ? page : join(dirname(page), file), anchor];
  });
}

describe('the documents', () => {
  it.each(PAGES)('%s has no broken links', (page) => {
    const dead = linksOf(page).filter(([file, anchor]) => {
      if (!existsSync(join(ROOT, file))) return true;
      if (anchor === '' || !file.endsWith('.md')) return false;
      const headings = [...read(file).matchAll(/^#+ (.*)$/gm)].map((match) => anchorOf(match[1] ?? ''));
      return !headings.includes(anchor);
    });
    expect(dead).toEqual([]);
  });

  it.each(PAGES)('%s names no command that package.json does not have', (page) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...read(page).matchAll(/npm run ([a-z:]+)/g)].map((match) => match[1] ?? '');
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('docs/decisions lists every decision', () => {
    const listed = linksOf('docs/decisions/README.md').map(([file]) => file);
    const pages = PAGES.filter((page) => dirname(page) === 'docs/decisions' && !page.endsWith('README.md'));
    expect(listed.sort()).toEqual(pages.sort());
  });

  it('the README stays within 150 lines', () => {
    expect(read('README.md').split('\n').length).toBeLessThanOrEqual(150);
  });
});
