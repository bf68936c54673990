import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './build-step.mjs';

/** Says of each named package that the lockfile installs in more than one version, which ones and where.
 * @param {readonly string[]} names
 * @returns {string[]} one sentence per package, none when all is well
 */
export function duplicateVersions(names) {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  return names.flatMap((name) => {
    const places = Object.entries(lock.packages).filter(([path]) => path.endsWith(`node_modules/${name}`));
    const versions = new Set(places.map(([, { version }]) => version));
    if (versions.size < 2) return [];
    const list = places.map(([path, { version }]) => `  ${version} at ${path}`).join('\n');
    return [`${name} is installed in ${versions.size} versions; use "overrides" in package.json:\n${list}`];
  });
}
