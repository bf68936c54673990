import type { DestinationStream } from 'pino';

/** A stream that may be a terminal. */
export interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean | undefined;
}

/**
 * Where log lines go so that people can read them: coloured text where a person watches. Called once at start.
 *
 * @param production production writes JSON, also to a terminal
 * @returns undefined where lines are to be JSON on standard output
 */
export async function prettyDestination(
  production: boolean,
  output: Output = process.stdout,
): Promise<DestinationStream | undefined> {
  if (production || output.isTTY !== true) return undefined;
  const { default: pretty } = await import('pino-pretty');
  return pretty({ destination: output, sync: true, translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname' });
}
