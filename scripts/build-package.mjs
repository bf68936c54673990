import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import { ROOT, runNode } from './build-step.mjs';
import { build } from './build.mjs';

/** Where the published files are, relative to the top. */
export const PACKAGE_FOLDER = 'dist/package';

/** What a user can import, by its name behind `sallyport`, and the source behind it. */
const ENTRIES = { index: 'src/index.ts', testing: 'src/testing/index.ts' };

/**
 * Bundles the Nest module as an ES module and as CommonJS, each with its types. Packages stay imports.
 *
 * The code is what tsc made of it, since no bundler writes the decorator metadata that Nest injects by.
 *
 * @returns the entries that exist, and every package that the code or the types import
 */
export async function buildPackage() {
  await build({ only: 'server' });
  const entries = Object.entries(ENTRIES).filter(([, source]) => existsSync(join(ROOT, source)));
  const folder = join(ROOT, PACKAGE_FOLDER);
  rmSync(folder, { recursive: true, force: true });
  const compiled = entries.map(([name, source]) => [name, source.replace(/^src/, 'dist').replace(/\.ts$/, '.js')]);
  const run = await bundle(compiled, folder, [], { '.js': 'es', '.cjs': 'cjs' });
  const typed = await bundleTypes(entries, folder);
  const packages = new Set([...run, ...typed].filter((name) => !name.startsWith('node:')).map(packageOf));
  return {
    entries: entries.map(([name]) => name),
    imports: [...packages].sort((one, other) => one.localeCompare(other)),
  };
}

/** Builds sallyport-client, with its types. */
export async function buildClient() {
  await runNode('client/build.mjs', []);
  await bundleTypes([['index', 'client/index.ts']], join(ROOT, 'client/dist'));
}

async function bundleTypes(entries, folder) {
  const names = await bundle(entries, folder, [types()], { '.d.ts': 'es', '.d.cts': 'es' });
  const untyped = names.map(packageOf).find((name) => existsSync(join(ROOT, 'node_modules/@types', name)));
  if (untyped) fail(`its types import ${untyped}, which has none of its own. Mark what needs them with @internal.`);
  return names;
}

/**
 * Writes one graph of modules in each format, the parts that entries have in common once, so that they share their
 * classes.
 *
 * @param {readonly (readonly [name: string, file: string])[]} entries
 * @param {string} dir
 * @param {readonly import('rollup').Plugin[]} plugins
 * @param {Readonly<Record<string, 'es' | 'cjs'>>} formats by the ending of their files
 * @returns {Promise<string[]>} the modules that are imported from outside
 */
async function bundle(entries, dir, plugins, formats) {
  const input = Object.fromEntries(entries.map(([name, file]) => [name, join(ROOT, file)]));
  const graph = await rollup({ input, plugins, external: /^[^./]/, onwarn });
  const names = [];
  for (const [ending, format] of Object.entries(formats)) {
    const files = { entryFileNames: `[name]${ending}`, chunkFileNames: `shared${ending}` };
    const { output } = await graph.write({ dir, format, exports: 'named', ...files });
    for (const { code, imports } of output) {
      names.push(...imports.filter((name) => !output.some(({ fileName }) => fileName === name)));
      // Nest prints the names of classes.
      const renamed = /\bclass (\w+)\$\d/.exec(code);
      if (renamed) fail(`src/ has two classes ${renamed[1]}. Rename one.`);
    }
  }
  await graph.close();
  return names;
}

/** Nothing is expected, but that entries share types which none of them exports: those are private to the package. */
function onwarn({ message }) {
  if (!message.includes('no public re-export')) fail(message);
}

const types = () =>
  dts({
    tsconfig: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      declaration: true,
      emitDeclarationOnly: true,
      noEmit: false,
      incremental: false,
      stripInternal: true,
    },
  });

const packageOf = (name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/');

function fail(message) {
  throw new Error(`The package cannot be built: ${message}`);
}
