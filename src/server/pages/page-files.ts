import { readFile } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';

/** The HTML pages of the web build, by file name. */
const PAGES = { app: 'index.html', graphiql: 'graphiql.html', console: 'console.html' } as const;

/** One of {@link PAGES}. */
export type PageName = keyof typeof PAGES;

/** The output folder of the web build, relative to this folder in both `src/` and `dist/`. */
export const WEB_ROOT = new URL('../../../dist/web/', import.meta.url);

/** The built HTML, read once; a page that could not be read is read again at the next request. */
@Injectable()
export class PageFiles {
  readonly #pages = new Map<PageName, Promise<string | null>>();

  /** A page's HTML; null if the pages have not been built. */
  html(page: PageName): Promise<string | null> {
    const known = this.#pages.get(page);
    if (known) return known;
    const reading = read(page);
    this.#pages.set(page, reading);
    reading.catch(() => this.#pages.delete(page));
    return reading;
  }
}

function read(page: PageName): Promise<string | null> {
  return readFile(new URL(PAGES[page], WEB_ROOT), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}
