import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A measure is worse if its median ratio is worse by more than this, and no round was better than the other commit. */
const TOLERANCE = 0.1;

const git = (...args) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
const npm = (folder, ...args) => execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });

/**
 * Checks out another commit in a folder of its own, installs what it needs and builds it.
 *
 * @param ref what `git rev-parse` knows: a tag, a branch, a hash, `HEAD~3`
 * @returns `{ folder, name, remove() }`; null, after a line that says so, when there is no such commit
 * @throws Error when its build fails
 */
export function otherCommit(ref) {
  const hash = commitOf(ref);
  if (hash === null) {
    console.error(`--against: there is no commit ${JSON.stringify(ref)} in this repository.`);
    return null;
  }
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-against-'));
  const remove = () => {
    rmSync(folder, { recursive: true, force: true });
    git('worktree', 'prune');
  };
  try {
    console.log(`Building ${ref} (${hash.slice(0, 7)}) …`);
    git('worktree', 'add', '--force', '--detach', folder, hash);
    for (const part of ['', 'bench']) install(folder, part);
    npm(folder, 'run', 'build');
    return { folder, name: `${ref} (${hash.slice(0, 7)})`, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function commitOf(ref) {
  const { status, stdout } = spawnSync(
    'git',
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`],
    {
      cwd: ROOT,
      encoding: 'utf8',
    },
  );
  return status === 0 ? stdout.trim() : null;
}

/** Takes our own packages where both commits want the same ones. */
function install(folder, part) {
  const [theirs, ours] = [join(folder, part), join(ROOT, part)];
  const lock = (of) => readFileSync(join(of, 'package-lock.json'), 'utf8');
  const isSame = existsSync(join(ours, 'node_modules')) && lock(theirs) === lock(ours);
  if (isSame) symlinkSync(join(ours, 'node_modules'), join(theirs, 'node_modules'));
  else npm(theirs, 'ci', '--no-fund', '--no-audit', '--loglevel=error');
}

/**
 * What has become worse than at the other commit, as sentences.
 *
 * @param measures of a run beside it, from `summarise`
 */
export function regressions(measures) {
  return measures.flatMap(({ title, higherIsBetter, rows }) => {
    const { ratio } = rows.find(({ server }) => server === 'sallyport') ?? {};
    if (!ratio) return [];
    const [median, best] = higherIsBetter ? [1 / ratio.median, 1 / ratio.max] : [ratio.median, ratio.min];
    if (median <= 1 + TOLERANCE || best <= 1) return [];
    return [`${title}: ${ratio.median.toFixed(2)} × (${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)})`];
  });
}
