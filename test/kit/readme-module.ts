import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transform } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Imports the TypeScript below a README heading as a module, so that the documented code is tested.
 *
 * @param heading the heading's text, such as `### urql`
 * @throws when the heading, or code below it, is missing
 */
export async function importFromReadme<T>(readme: string, heading: string): Promise<T> {
  const below = readFileSync(join(ROOT, readme), 'utf8').split(`\n${heading}\n`)[1];
  const code = below?.match(/```ts\n(.*?)```/s)?.[1];
  if (code === undefined) throw new Error(`${readme} has no code below "${heading}".`);
  const folder = join(ROOT, 'node_modules', '.cache', 'sallyport');
  const file = join(folder, `readme-${process.pid}-${heading.replace(/\W+/g, '-')}.mjs`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, (await transform(code, { loader: 'ts', format: 'esm' })).code);
  return (await import(pathToFileURL(file).href)) as T;
}
