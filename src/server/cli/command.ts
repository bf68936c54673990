import type { INestApplicationContext } from '@nestjs/common';
import type { Command } from 'commander';
import type { Config } from '../config/config.js';
import { configurationError, loadConfig } from '../config/load-config.js';

/** Gives a command the services that it uses, such as `stores.get(ApiKeys)`. */
export type Stores = Pick<INestApplicationContext, 'get'>;

/** The state of the stores for {@link CliContext.withStores}. */
interface StoresFound {
  /**
   * Redis is the store and unavailable, or the store is the memory of a server with a database of its own: nodes are not
   * notified and find changes in the database within 20 s.
   */
  readonly nodesUnreachable: boolean;
}

/** How a command uses the stores. */
export interface StoresUse {
  /**
   * The command must open the stores itself, because it writes files or standard output. Default false: while a server
   * has the embedded database open, the server runs the command (see cli-socket.service.ts).
   */
  readonly alone?: boolean;
}

/** The context of a command. */
export interface CliContext {
  /**
   * Opens the stores, runs the action, and closes them in any case. Commands work while Redis is unavailable: they
   * write to the database, and {@link StoresFound.nodesUnreachable} says that the running nodes are not notified.
   *
   * The action may run in another process than what stands before it. Before it a command may only {@link ask}.
   */
  withStores<T>(action: (stores: Stores, found: StoresFound) => Promise<T>, use?: StoresUse): Promise<T>;
  /** Aborted when nobody reads the output any more, or the server shuts down. Ends a command that would go on. */
  readonly signal: AbortSignal;
  /** Asks for a password; see `askPassword`. */
  ask(question: string): Promise<string>;
  /** Prints `result` as one line of JSON with `--json`, else the plain text. */
  print(result: unknown, text: string): void;
}

/** Adds a command, or a group of commands, to the program. Each has its own file in this folder. */
export type CliCommand = (program: Command, context: CliContext) => void;

/** The configuration of the environment. @throws StartError with every error */
export function requireConfig(): Config {
  const outcome = loadConfig();
  if (outcome.ok) return outcome.config;
  throw configurationError(outcome.faults);
}
