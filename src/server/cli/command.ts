import type { INestApplicationContext } from '@nestjs/common';
import type { Command } from 'commander';

/** What {@link CliContext.withStores} found. */
interface StoresFound {
  /** `REDIS_URL` is set and Redis is unavailable: nodes find out in the database what they would have been told, within 20 s. */
  readonly hearsNobody: boolean;
}

/** What a command works with. */
export interface CliContext {
  /**
   * Opens the stores, runs the action, closes them again whatever happens. A Redis that is away hinders no command: what one writes
   * is in the database, and {@link StoresFound.hearsNobody} says that the running nodes are not told.
   */
  withStores<T>(action: (stores: INestApplicationContext, found: StoresFound) => Promise<T>): Promise<T>;
  /** Prints `result` as one line of JSON with `--json`, else the text for people. */
  print(result: unknown, text: string): void;
}

/** Adds one command, or one family of them, to the program. One file each in this folder. */
export type CliCommand = (program: Command, context: CliContext) => void;
