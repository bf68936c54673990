import { lstatSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';
import { StartError } from '../../live/errors/sallyport.errors.js';
import { HEARTBEAT_MS, CliReply, type CliRequest, cliSocketPath } from './cli-socket.js';
import { VERSION } from '../version.js';
import type { CliOutput } from './program.js';

/** A server that sends nothing for this long hangs, in ms. */
const SILENT_AFTER_MS = 4 * HEARTBEAT_MS;

/**
 * Lets the server that has the embedded database open run a command, and writes the command's output.
 *
 * @param signal aborted when nobody reads the output any more: the server then ends a command that keeps running
 * @param silentAfterMs how long the server may send nothing; it sends an empty line every {@link HEARTBEAT_MS}
 * @returns the exit code, 1 if `signal` was aborted before; null if no server with this `DATA_DIR` runs
 * @throws StartError if the server hangs, stops meanwhile or sends something invalid, or if the socket belongs to
 * another user
 */
export async function runByServer(
  dataDir: string,
  request: Omit<CliRequest, 'version'>,
  output: CliOutput,
  signal: AbortSignal,
  silentAfterMs = SILENT_AFTER_MS,
): Promise<number | null> {
  const path = cliSocketPath(dataDir);
  if (!isOurs(path, dataDir)) return null;
  const socket = await opened(path);
  if (socket === null) return null;
  try {
    signal.addEventListener('abort', () => socket.destroy(new Error('unread')));
    socket.setTimeout(silentAfterMs, () => socket.destroy(new Error('silent')));
    socket.write(`${JSON.stringify({ ...request, version: VERSION })}\n`);
    return await exitCodeFrom(socket, output, signal);
  } finally {
    socket.destroy();
  }
}

/** Passwords are sent to this socket, so it must belong to us or to the owner of the data. */
function isOurs(path: string, dataDir: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found?.isSocket()) return false;
  const owners = [process.getuid?.(), statSync(dataDir).uid];
  if (owners.includes(found.uid)) return true;
  throw new StartError(`The socket ${resolve(path)} belongs to another user: remove it, or choose another DATA_DIR.`);
}

/** Null if nobody listens: the file is left of a server that was killed. */
function opened(path: string): Promise<Socket | null> {
  return new Promise((done, fail) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.off('error', refused);
      // A later error ends the lines, see exitCodeFrom.
      socket.on('error', () => {});
      done(socket);
    });
    const refused = ({ code = 'unknown' }: NodeJS.ErrnoException): void => {
      if (code === 'ECONNREFUSED' || code === 'ENOENT') done(null);
      else fail(new StartError(`The server's socket ${resolve(path)} cannot be used (${code}): run this as its user.`));
    };
    socket.once('error', refused);
  });
}

async function exitCodeFrom(socket: Socket, output: CliOutput, signal: AbortSignal): Promise<number> {
  try {
    for await (const line of createInterface({ input: socket, crlfDelay: Infinity })) {
      if (line === '') continue;
      const reply = replyIn(line);
      if ('code' in reply) return reply.code;
      if ('out' in reply) output.out(reply.out);
      else output.error(reply.error);
    }
  } catch (error) {
    if (error instanceof StartError) throw error;
    // The connection broke, or was silent for too long: the same as an end without an exit code.
  }
  if (signal.aborted) return 1;
  throw new StartError(
    'The server stopped or hung before the command ended: check whether the command took effect before you repeat it.',
  );
}

function replyIn(line: string): CliReply {
  try {
    return CliReply.parse(JSON.parse(line));
  } catch {
    throw new StartError('The server sent an unexpected reply: restart it, so that it has the version of this CLI.');
  }
}
