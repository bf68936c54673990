/** The HTML pages that the web build makes, by file name. */
export const PAGES = { app: 'index.html', graphiql: 'graphiql.html' } as const;

/** One of {@link PAGES}. */
export type PageName = keyof typeof PAGES;

/** Where the web build puts its files, seen from this folder both in `src/` and in `dist/`. */
export const WEB_ROOT = new URL('../../../dist/web/', import.meta.url);
