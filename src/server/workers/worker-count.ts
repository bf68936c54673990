import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** The most workers that `WORKERS` may ask for, and that `auto` starts. */
export const MAX_WORKERS = 128;

/**
 * The number of workers of `WORKERS=auto`: the cores that this process may use, of which a container's CPU limit counts
 * too. At least 1, at most {@link MAX_WORKERS}.
 *
 * @param cores default: what the operating system allows
 * @param cpuMax the content of `cpu.max` of cgroup v2; default: that of this process's container, null if it has none
 */
export function coresToUse(cores = availableParallelism(), cpuMax = readCpuMax()): number {
  // Node 20 does not read the limit itself.
  const [quota, period] = (cpuMax ?? '').trim().split(' ').map(Number);
  const limit = quota !== undefined && period !== undefined && quota / period > 0 ? Math.ceil(quota / period) : cores;
  return Math.min(Math.max(1, Math.min(cores, limit)), MAX_WORKERS);
}

function readCpuMax(): string | null {
  try {
    return readFileSync('/sys/fs/cgroup/cpu.max', 'utf8');
  } catch {
    return null;
  }
}
