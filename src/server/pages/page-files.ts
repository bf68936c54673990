import { readFile } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { PAGES, WEB_ROOT, type PageName } from './page.js';

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
