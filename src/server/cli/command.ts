import type { INestApplicationContext } from '@nestjs/common';
import type { Command } from 'commander';

/** The state of the stores for {@link CliContext.withStores}. */
interface StoresFound {
  /**
   * `REDIS_URL` is set and Redis is unavailable: nodes are not notified and find changes in the database within 20 s.
   */
  readonly hearsNobody: boolean;
}

/** The context of a command. */
export interface CliContext {
  /**
   * Opens the stores, runs the action, and closes them in any case. Commands work while Redis is unavailable: they
   * write to the database, and {@link StoresFound.hearsNobody} says that the running nodes are not notified.
   */
  withStores<T>(action: (stores: INestApplicationContext, found: StoresFound) => Promise<T>): Promise<T>;
  /** Prints `result` as one line of JSON with `--json`, else the plain text. */
  print(result: unknown, text: string): void;
}

/** Adds a command, or a group of commands, to the program. Each has its own file in this folder. */
export type CliCommand = (program: Command, context: CliContext) => void;
