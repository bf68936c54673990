import type { DestinationStream } from 'pino';

/** A stream that may be a terminal. */
export interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean | undefined;
}

/**
 * The destination of log lines: coloured text in a terminal. Called once at start.
 *
 * @param production production writes JSON, also to a terminal
 * @returns undefined for JSON lines on standard output
 */
export async function prettyDestination(
  production: boolean,
  output: Output = process.stdout,
): Promise<DestinationStream | undefined> {
  if (production || output.isTTY !== true) return undefined;
  const { default: pretty } = await import('pino-pretty');
  return pretty({ destination: output, sync: true, translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname' });
}
