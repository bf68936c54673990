import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { StartError } from '../../live/errors/sallyport.errors.js';

/** The longest input: 128 characters of at most four bytes, and a line end. */
const MAX_BYTES = 1_024;

/**
 * Reads a password: without echo in a terminal, else all of standard input without one trailing line end. Never from
 * the command line, which other users of the machine can read.
 *
 * @throws StartError if the input is empty or too long
 */
export async function askPassword(question: string): Promise<string> {
  const password = process.stdin.isTTY ? await askPerson(question) : await readAll();
  if (password === '') throw new StartError('No password given: type one, or send it on standard input.');
  return password;
}

async function askPerson(question: string): Promise<string> {
  process.stderr.write(question);
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silence, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}

async function readAll(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new StartError(`A password has at most ${MAX_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}
