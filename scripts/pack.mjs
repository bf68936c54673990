// What npm runs around `npm pack`, here and in client/. `prepare` builds and writes the manifest that is published in place of
// the repository's own; `restore` puts that one back. Publish the tarball: in the folder npm would read the repository's again.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { buildClient, buildPackage } from './build-package.mjs';
import { clientManifest, moduleManifest } from './published-manifest.mjs';

const PUBLISHED = {
  sallyport: async (manifest) => moduleManifest(manifest, await buildPackage()),
  'sallyport-client': async (manifest) => {
    await buildClient();
    return clientManifest(manifest);
  },
};

const file = 'package.json';
const kept = 'package.json.original';
const steps = { prepare, restore };
await steps[process.argv[2]]();

/** Whatever can fail comes first. Should npm itself fail afterwards, the next start of this restores. */
async function prepare() {
  restore();
  const original = readFileSync(file, 'utf8');
  const manifest = JSON.parse(original);
  const published = await PUBLISHED[manifest.name](manifest);
  writeFileSync(kept, original, { flag: 'wx' });
  writeFileSync(file, `${JSON.stringify(published, null, 2)}\n`);
}

/** A manifest with scripts is the repository's own: it was restored by other means and may have been edited since. */
function restore() {
  if (!existsSync(kept)) return;
  if ('scripts' in JSON.parse(readFileSync(file, 'utf8'))) rmSync(kept);
  else renameSync(kept, file);
}
