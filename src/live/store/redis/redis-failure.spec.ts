import { ReplyError } from 'ioredis';
import { expect, it } from 'vitest';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import { isRefusedWrite, reasonOf, storeFailure } from './redis-failure.js';

const SHA = '2b1d9f8d5ab4f7b0e7d0f1f2a3b4c5d6e7f80910';
/** What Redis 6.2 makes of an error of a command in a script. */
const inScript62 = (error: string): string =>
  `ERR Error running script (call to f_${SHA}): @user_script:4: @user_script: 4: -${error} `;
const replyError = (text: string): Error => new (ReplyError as new (message: string) => Error)(text);
const inScript7 = (error: string): string => `${error} script: ${SHA}, on @user_script:4.`;

it.each([
  ['OOM', "OOM command not allowed when used memory > 'maxmemory'."],
  ['READONLY', "READONLY You can't write against a read only replica."],
  ['MISCONF', 'MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.'],
])('%s of a command means refused writes, also in a script of Redis 6.2 and of Redis 7', (code, message) => {
  for (const text of [message, inScript62(message), inScript7(message)]) {
    const error = replyError(text);
    expect([isRefusedWrite(error), reasonOf(error)]).toEqual([true, code]);
    expect(storeFailure(error)).toBeInstanceOf(UnavailableError);
  }
});

it('a mistake in a script is a bug', () => {
  const mistake = `ERR Error running script (call to f_${SHA}): @user_script:4: attempt to index global 'OOM' (a nil value) `;
  const error = replyError(mistake);
  expect([isRefusedWrite(error), storeFailure(error)]).toEqual([false, error]);
});
