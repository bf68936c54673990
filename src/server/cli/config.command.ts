import { configurationError, loadConfig } from '../config/load-config.js';
import type { CliCommand } from './command.js';

/** `config check`: checks the environment as a start does, without starting or opening a store. */
export const configCommand: CliCommand = (program, context) => {
  program
    .command('config')
    .description('inspect the configuration')
    .command('check')
    .description('report every configuration error at once; exits with 1 if there is one')
    .action(() => {
      const outcome = loadConfig();
      if (outcome.ok) return context.print({ ok: true, faults: [] }, 'The configuration is valid.');
      if (program.opts<{ json?: true }>().json) context.print({ ok: false, faults: outcome.faults }, '');
      throw configurationError(outcome.faults);
    });
};
