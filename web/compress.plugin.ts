import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin } from 'vite';

const COMPRESSIBLE = /\.(?:js|css|svg|json|wasm|ttf)$/;
const WORTH_IT_BYTES = 1024;
/**
 * Brotli's best level takes ten times as long and saves 8 %, so it is used only for the files of the app's first load.
 */
const BEST_UP_TO_BYTES = 400 * 1024;

/** Writes a `.br` and a `.gz` beside every asset, so that the server compresses nothing on request. */
export function compress(): Plugin {
  let folder = '';
  return {
    name: 'sallyport:compress',
    apply: 'build',
    configResolved: (config) => {
      folder = resolve(config.root, config.build.outDir, config.build.assetsDir);
    },
    closeBundle: async () => {
      const names = (await readdir(folder)).filter((name) => COMPRESSIBLE.test(name));
      await Promise.all(names.map((name) => compressFile(join(folder, name))));
    },
  };
}

async function compressFile(path: string): Promise<void> {
  const content = await readFile(path);
  if (content.length < WORTH_IT_BYTES) return;
  const quality = content.length <= BEST_UP_TO_BYTES ? 11 : 6;
  const [brotlied, gzipped] = await Promise.all([
    promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } }),
    promisify(gzip)(content, { level: 9 }),
  ]);
  await Promise.all([writeFile(`${path}.br`, brotlied), writeFile(`${path}.gz`, gzipped)]);
}
