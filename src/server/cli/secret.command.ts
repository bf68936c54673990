import { randomBytes } from 'node:crypto';
import type { CliCommand } from './command.js';

const SECRET_BYTES = 48;

/** `secret generate`: a key for `SECRET_KEYS`, from the system's random generator. It is shown and kept nowhere. */
export const secretCommand: CliCommand = (program, context) => {
  program
    .command('secret')
    .description('generate secrets')
    .command('generate')
    .description('print a new random key for SECRET_KEYS')
    .action(() => {
      const secret = randomBytes(SECRET_BYTES).toString('base64url');
      context.print({ secret }, secret);
    });
};
