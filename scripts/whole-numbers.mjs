import { parseArgs } from 'node:util';

/**
 * The options of a script whose values are whole numbers. Ends the process with 2, and a line that says why, for
 * anything else.
 *
 * @param defaults the default of each option; undefined for none
 */
export function wholeNumbers(defaults) {
  const values = parsed(Object.keys(defaults));
  for (const [name, value] of Object.entries(values))
    if (!/^\d+$/.test(value)) refuse(`--${name}: expected a whole number.`);
  return { ...defaults, ...values };
}

function parsed(names) {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return refuse(error.message);
  }
}

function refuse(message) {
  console.error(message);
  process.exit(2);
}
