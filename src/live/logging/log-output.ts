import { write, writeSync } from 'node:fs';
import type { DestinationStream } from 'pino';

/** The most text that waits to be written, in characters; further lines are dropped. */
const MAX_WAITING = 4 * 1024 * 1024;
const RETRY_MS = 100;
/** How often a full pipe is tried again when the process ends. */
const LAST_TRIES = 10;
const STANDARD_OUTPUT = 1;

/** `fs.write`, as far as it is used here. */
type Write = (fd: number, chunk: Buffer, done: (error: Error | null, written: number) => void) => void;

/**
 * Writes log lines in the background. If the reader is slow or gone, or the disk is full, lines are lost and nothing
 * else happens. On such an error, pino's own destination ends the process and keeps retrying the last lines.
 */
export class LogOutput implements DestinationStream {
  #waiting = '';
  #isBusy = false;
  /** What could not be written and is tried again. */
  #failed: Buffer | null = null;

  constructor(
    private readonly fd: number,
    private readonly put: Write = write,
  ) {}

  write(line: string): void {
    if (this.#waiting.length + line.length > MAX_WAITING) return;
    this.#waiting += line;
    if (!this.#isBusy) this.#next();
  }

  /** Writes what waits before the process ends, if that is possible at once. Never throws. */
  flush(): void {
    let rest = Buffer.concat([this.#failed ?? Buffer.of(), Buffer.from(this.#waiting)]);
    this.#waiting = '';
    for (let tries = 0; rest.length > 0 && tries < LAST_TRIES;) {
      try {
        rest = rest.subarray(writeSync(this.fd, rest));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
        tries++;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
      }
    }
  }

  #next(): void {
    this.#isBusy = this.#waiting !== '';
    if (!this.#isBusy) return;
    const chunk = Buffer.from(this.#waiting);
    this.#waiting = '';
    this.#write(chunk);
  }

  #write(chunk: Buffer): void {
    this.#failed = null;
    this.put(this.fd, chunk, (error, written) => {
      if (error) {
        this.#failed = chunk;
        setTimeout(() => this.#write(chunk), RETRY_MS).unref();
      } else if (written < chunk.length) this.#write(chunk.subarray(written));
      else this.#next();
    });
  }
}

let standardOutput: LogOutput | undefined;

/** The output of every logger of this process that has no other destination. */
export function logOutput(): LogOutput {
  if (standardOutput) return standardOutput;
  const output = new LogOutput(STANDARD_OUTPUT);
  process.once('exit', () => output.flush());
  return (standardOutput = output);
}
