import { readFile } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';

/** The HTML pages that the web build makes, by file name. */
const PAGES = { app: 'index.html', graphiql: 'graphiql.html' } as const;

/** One of {@link PAGES}. */
export type PageName = keyof typeof PAGES;

/** Where the web build puts its files, seen from this folder both in `src/` and in `dist/`. */
export const WEB_ROOT = new URL('../../../dist/web/', import.meta.url);

/** The built HTML, read once. */
@Injectable()
export class PageFiles {
  readonly #pages = new Map<PageName, Promise<string | null>>();

  /** A page's HTML; null where the pages have not been built. */
  html(page: PageName): Promise<string | null> {
    const known = this.#pages.get(page) ?? read(page);
    this.#pages.set(page, known);
    return known;
  }
}

function read(page: PageName): Promise<string | null> {
  return readFile(new URL(PAGES[page], WEB_ROOT), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}
