import { readFileSync } from 'node:fs';

/** The version of this server and CLI, from package.json; the path works from `src/` and `dist/`. */
export const VERSION = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
