import { fileURLToPath } from 'node:url';

/** The committed migrations, found alike from `src/`, from `dist/` and under test. Made by `npx drizzle-kit generate`. */
export const MIGRATIONS = {
  migrationsFolder: fileURLToPath(new URL('../../../drizzle', import.meta.url)),
};
