import type { INestApplicationContext } from '@nestjs/common';
import type { Command } from 'commander';

/** What a command works with. */
export interface CliContext {
  /** Opens the stores, runs the action, closes them again whatever happens. */
  withStores<T>(action: (stores: INestApplicationContext) => Promise<T>): Promise<T>;
  /** Prints `result` as one line of JSON with `--json`, else the text for people. */
  print(result: unknown, text: string): void;
}

/** Adds one command, or one family of them, to the program. One file each in this folder. */
export type CliCommand = (program: Command, context: CliContext) => void;
