// `npm run openapi`: writes openapi.json from the running code and lints it. With --check it only checks whether the
// committed file is up to date.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { format, resolveConfig } from 'prettier';
import { ROOT } from './build-step.mjs';
import { build } from './build.mjs';

const FILE = join(ROOT, 'openapi.json');
/** Every warning counts. Probes have no request that could be wrong, so the rule of 4xx responses is off. */
const LINT = { extends: ['recommended-strict'], rules: { 'operation-4xx-response': 'off' } };

process.chdir(ROOT);
await build({ only: 'server' });
const { OPENAPI_DOCUMENT } = await import('../dist/server/http-api/openapi/openapi.document.js');
const options = { ...(await resolveConfig(FILE)), filepath: FILE };
const made = await format(JSON.stringify(OPENAPI_DOCUMENT), options);
const committed = existsSync(FILE) ? readFileSync(FILE, 'utf8') : '';
const faults = (await problemsOf(made)).map(
  ({ ruleId, message, location: [place] }) => `${place?.pointer ?? FILE}: ${message} (${ruleId})`,
);
if (!process.argv.includes('--check')) writeFileSync(FILE, made);
else if (made !== committed)
  faults.push('openapi.json is not what the code says: run `npm run openapi`, look at the difference, commit it.');
if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exitCode = 1;
}

/**
 * What a linter finds in the document.
 *
 * @param {string} source
 */
async function problemsOf(source) {
  return lintFromString({ source, absoluteRef: FILE, config: await createConfig(LINT) });
}
