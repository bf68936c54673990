/**
 * This process cannot start, and its operator can mend that. Entry points print the message as one line,
 * without a stack, and exit with a code other than 0.
 *
 * `message` says what is wrong and what to do; it never carries a secret.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}
