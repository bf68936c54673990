import { randomBytes } from 'node:crypto';
import type { CliCommand } from './command.js';

const SECRET_BYTES = 48;

/** `secret generate`: prints a random key for `SECRET_KEYS`. It is not stored. */
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
