// `npm run sbom`: prints a software bill of materials (CycloneDX, JSON) of what the server needs at run time.
// npm writes it from the lockfile, with the packages for development. They are left out here by the lockfile, because
// npm's `--omit dev`, and what it marks as development, also drop packages that production needs (npm 10 and 11).
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './build-step.mjs';

const MAX_BYTES = 256 * 1024 * 1024;

const args = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx', '--sbom-type', 'application'];
const sbom = JSON.parse(execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: MAX_BYTES }));
const needed = new Set(
  Object.entries(JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages)
    .filter(([path, { dev, link }]) => path.startsWith('node_modules/') && !dev && !link)
    .map(([path, { name, version }]) => `${name ?? path.split('node_modules/').at(-1)}@${version}`),
);
const components = sbom.components
  .filter((each) => needed.has(each['bom-ref']))
  .map((each) => ({ ...each, properties: [] }));
const kept = new Set([sbom.metadata.component, ...components].map((each) => each['bom-ref']));
const dependencies = sbom.dependencies
  .filter(({ ref }) => kept.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((each) => kept.has(each)) }));
// npm names the folder instead of the package.
const { name } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const metadata = { ...sbom.metadata, component: { ...sbom.metadata.component, name } };

process.stdout.write(`${JSON.stringify({ ...sbom, metadata, components, dependencies }, null, 2)}\n`);
