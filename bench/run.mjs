// The benchmarks' entry: `npm run bench`, `npm run bench -- --quick`, `npm run bench -- delivery tabs`.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('./', import.meta.url));
const installed = `${HERE}node_modules/.package-lock.json`;
const wanted = readFileSync(`${HERE}package.json`, 'utf8');
const stamp = `${HERE}node_modules/.sallyport-bench`;
if (!existsSync(installed) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  console.log('Installing the peers (once) …');
  const { status } = spawnSync('npm', ['ci', '--prefix', HERE, '--no-fund', '--no-audit', '--loglevel=error'], {
    cwd: HERE,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(stamp, wanted);
}
const [{ main }, { runCommand }] = await Promise.all([import('./lib/main.mjs'), import('./lib/command.mjs')]);
await runCommand(main);
