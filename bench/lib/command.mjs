import { readdirSync } from 'node:fs';

/** A command line that cannot be run; the message says why. */
export class UsageError extends Error {}

/**
 * Runs a command with the arguments of this process. One that cannot be run ends with a line that says why, and 2.
 *
 * @param main resolves with the exit code
 */
export async function runCommand(main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError) && !error.code?.startsWith('ERR_PARSE_ARGS')) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}

/**
 * What the modules of a folder export, in the order of these names; without names, all of it.
 *
 * @throws UsageError for a name that none has
 */
export async function loadNamed(folder, names) {
  const files = readdirSync(folder).filter((file) => file.endsWith('.mjs'));
  const all = await Promise.all(files.sort().map(async (file) => (await import(new URL(file, folder))).default));
  requireKnown(
    names,
    all.map(({ name }) => name),
  );
  return names.length === 0 ? all : names.map((name) => all.find((one) => one.name === name));
}

/** @throws UsageError when a name is not among the known ones */
export function requireKnown(names, known) {
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new UsageError(`Unknown: ${unknown.join(', ')}. There are: ${known.join(', ')}.`);
}
