import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The repository's root folder; every script works from here. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const STAMPS = join(ROOT, 'dist', '.stamps');
const LOCK = join(STAMPS, 'lock');
const REMOVING = join(STAMPS, 'lock-removing');
const LOCK_PATIENCE_MS = 180_000;

/**
 * A build step with file inputs and outputs.
 *
 * @typedef {object} BuildStep
 * @property {string} name shown while it runs
 * @property {readonly string[]} inputs files and folders, relative to the top; absent ones are skipped
 * @property {readonly string[]} outputs files that must exist afterwards; a missing one makes the step stale
 * @property {(file: string) => boolean} [ignores] inputs that do not matter, such as tests
 * @property {() => Promise<void>} run builds; throws when it fails
 */

/**
 * Runs the steps whose inputs changed since their last success, in parallel. Content decides, not modification times,
 * which are all new in a fresh clone.
 * @param {readonly BuildStep[]} steps
 */
export async function buildStale(steps) {
  if (steps.every((step) => isFresh(step))) return;
  const unlock = await lock();
  try {
    const outcomes = await Promise.allSettled(steps.filter((step) => !isFresh(step)).map(runStep));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  } finally {
    unlock();
  }
}

/** Runs a program of node_modules or Node itself in the top folder.
 * @param {string} program file to run with this Node
 * @param {readonly string[]} args
 * @param {Record<string, string>} [env] added to this process's own
 */
export function runNode(program, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, program), ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(output) : reject(new BuildFailure(program, output))));
  });
}

/** A build program ended with an error; `message` is what it printed. */
export class BuildFailure extends Error {
  constructor(program, output) {
    super(`${program} failed:\n${output.trim()}`);
  }
}

async function runStep(step) {
  const print = digest(step);
  const startedAtMs = performance.now();
  rmSync(stampFile(step), { force: true });
  await step.run();
  mkdirSync(STAMPS, { recursive: true });
  writeFileSync(stampFile(step), print);
  process.stderr.write(`built ${step.name} in ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s\n`);
}

function isFresh(step) {
  if (!existsSync(stampFile(step)) || !step.outputs.every((file) => existsSync(join(ROOT, file)))) return false;
  return readFileSync(stampFile(step), 'utf8') === digest(step);
}

function stampFile(step) {
  return join(STAMPS, step.name.replaceAll(' ', '-'));
}

function digest(step) {
  const hash = createHash('sha256');
  for (const file of step.inputs.flatMap(filesIn)) {
    if (step.ignores?.(file)) continue;
    hash.update(`\0${file}\0`).update(readFileSync(join(ROOT, file)));
  }
  return hash.digest('hex');
}

/** The files under a path, sorted, relative to the top. A path that is absent has none.
 * @param {string} path
 * @returns {string[]}
 */
export function filesIn(path) {
  const full = join(ROOT, path);
  if (!existsSync(full)) return [];
  if (statSync(full).isFile()) return [path];
  const names = readdirSync(full).filter((name) => name !== 'node_modules' && name !== 'dist');
  return names.sort().flatMap((name) => filesIn(join(path, name)));
}

/**
 * Concurrent commands (a server and the CLI) build once: the second waits. The lock of a dead process is taken over.
 */
async function lock() {
  mkdirSync(STAMPS, { recursive: true });
  const deadlineMs = performance.now() + LOCK_PATIENCE_MS;
  while (!create(LOCK)) {
    if (performance.now() > deadlineMs)
      throw new Error(`Another build holds ${LOCK}: wait for it, or remove the file.`);
    if (!removeDead()) await delay(100);
  }
  return () => rmSync(LOCK, { force: true });
}

/**
 * Removes the lock if its process is dead; returns whether it did. One command at a time: another may have removed it,
 * and hold a new one.
 */
function removeDead() {
  if (!isHolderDead() || !create(REMOVING)) return false;
  const isDead = isHolderDead();
  if (isDead) rmSync(LOCK);
  rmSync(REMOVING);
  return isDead;
}

/** Creates a file with this process's id; false if it exists. */
function create(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
}

function isHolderDead() {
  try {
    const pid = Number(readFileSync(LOCK, 'utf8'));
    if (pid > 0) process.kill(pid, 0);
    return false;
  } catch (error) {
    // ENOENT: it has been released.
    return error.code === 'ESRCH';
  }
}
