// What npm runs around `npm pack`, here and in client/. `prepare` builds, and puts the published manifest and README in
// the place of the repository's own; `restore` puts those back. Publish the tarball: in the folder npm would read the
// repository's again.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { buildClient, buildPackage } from './build-package.mjs';
import { clientManifest, moduleManifest } from './published-manifest.mjs';

const MANIFEST = 'package.json';
const README = 'README.md';

/**
 * What is published instead of the repository's own files. The manifest comes first: by it `restore` sees what was
 * swapped.
 */
const PUBLISHED = {
  sallyport: async (manifest) => [
    [MANIFEST, json(moduleManifest(manifest, await buildPackage()))],
    [README, readFileSync('src/README.md', 'utf8')],
  ],
  'sallyport-client': async (manifest) => {
    await buildClient();
    return [[MANIFEST, json(clientManifest(manifest))]];
  },
};

const steps = { prepare, restore };
await steps[process.argv[2]]();

/** Whatever can fail comes first. Should npm itself fail afterwards, the next start of this restores. */
async function prepare() {
  restore();
  const manifest = JSON.parse(readFileSync(MANIFEST, 'utf8'));
  for (const [file, text] of await PUBLISHED[manifest.name](manifest)) {
    writeFileSync(keptOf(file), readFileSync(file), { flag: 'wx' });
    writeFileSync(file, text);
  }
}

/** A manifest with scripts is the repository's own: it was restored by other means and may have been edited since. */
function restore() {
  const isRestored = 'scripts' in JSON.parse(readFileSync(MANIFEST, 'utf8'));
  for (const file of [README, MANIFEST].filter((one) => existsSync(keptOf(one)))) {
    if (isRestored) rmSync(keptOf(file));
    else renameSync(keptOf(file), file);
  }
}

/** npm packs every file whose name begins with README, but none that begins with a dot. */
function keptOf(file) {
  return `.${file}.original`;
}

function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}
