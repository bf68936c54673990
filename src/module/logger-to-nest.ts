import { Logger as NestLogger } from '@nestjs/common';
import type { Logger } from 'pino';
import { createLogger } from '../live/logging/logger.js';

const ERRORS: ReadonlySet<unknown> = new Set(['error', 'fatal']);

/** A logger that sends warnings and errors to Nest's logger, one line each. Lower levels are dropped. */
export function loggerToNest(): Logger {
  const nest = new NestLogger('Sallyport');
  return createLogger('warn', {
    write(line: string): void {
      const { level, time: _time, msg, ...facts } = JSON.parse(line) as Record<string, unknown>;
      const text = Object.keys(facts).length > 0 ? `${String(msg)} ${JSON.stringify(facts)}` : String(msg);
      if (ERRORS.has(level)) nest.error(text);
      else nest.warn(text);
    },
  });
}
