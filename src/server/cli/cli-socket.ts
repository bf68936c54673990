import { join } from 'node:path';
import { z } from 'zod';

/**
 * The socket on which a server with the embedded database runs the CLI's commands, because only one process can have
 * that database open. The client sends one line of JSON, the server answers with several, of which the last has the
 * exit code. Only who may read `DATA_DIR` can connect: the socket has mode 0600.
 */
export function cliSocketPath(dataDir: string): string {
  return join(dataDir, 'cli.sock');
}

/** The longest request, in bytes: a password and a payload fit. */
export const MAX_REQUEST_BYTES = 256 * 1024;
/** The most arguments: the ids of all webhooks that `webhook list` prints, or every address of an API key, fit. */
const MAX_ARGS = 2_000;
/** While a command runs, the server sends an empty line this often, in ms, so that a server that hangs is noticed. */
export const HEARTBEAT_MS = 5_000;

const text = z.string().max(MAX_REQUEST_BYTES);

/** What the client sends. */
export const CliRequest = z.strictObject({
  /** The client's version: another version may not know the same commands. */
  version: text,
  /** The command line, without the program. */
  args: z.array(text).max(MAX_ARGS),
  /** The passwords that the command asked for, in this order. */
  answers: z.array(text).max(10),
});
export type CliRequest = z.infer<typeof CliRequest>;

/** One line that the server sends: text for a stream, or the exit code, which is the last. */
export const CliReply = z.union([
  z.strictObject({ out: z.string() }),
  z.strictObject({ error: z.string() }),
  z.strictObject({ code: z.int().min(0).max(255) }),
]);
export type CliReply = z.infer<typeof CliReply>;
