// `npm run schema`: writes schema.gql from the running code. With --check it only checks whether the committed file is
// up to date.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { ROOT } from './build-step.mjs';
import { build } from './build.mjs';

const FILE = join(ROOT, 'schema.gql');
const HEAD = '# Generated from the code: npm run schema\n\n';

process.chdir(ROOT);
await build({ only: 'server' });
const made = HEAD + (await printed()) + '\n';
const committed = existsSync(FILE) ? readFileSync(FILE, 'utf8') : '';
if (!process.argv.includes('--check')) writeFileSync(FILE, made);
else if (made !== committed) {
  console.error('schema.gql is not what the code says: run `npm run schema`, look at the difference, commit it.');
  process.exitCode = 1;
}

/** The schema of a server that is created and closed without listening. */
async function printed() {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-schema-'));
  const { loadConfig } = await import('../dist/server/config/load-config.js');
  const { createApp } = await import('../dist/create-app.js');
  const { config } = loadConfig({ NODE_ENV: 'test', LOG_LEVEL: 'silent', DATA_DIR: folder });
  const app = await createApp(config);
  try {
    await app.init();
    return printSchema(lexicographicSortSchema(app.get(GraphQLSchemaHost, { strict: false }).schema));
  } finally {
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
