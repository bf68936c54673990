import type { StoreOperation } from '../store-operation.js';

/** What the functions and tables of the schema `sallyport` are for. */
const OPERATIONS: Readonly<Record<string, StoreOperation>> = {
  append: 'publish',
  append_traced: 'publish',
  read_renewed_topic: 'read',
  read_history: 'read',
  differing: 'compare',
  node: 'presence',
  beat: 'presence',
  report_presence: 'presence',
  complete_presence: 'presence',
  connected_viewers: 'presence',
  present_elsewhere: 'presence',
  revocation: 'revocation',
  revoked_until: 'revocation',
  announce: 'revocation',
  rate_limit: 'limit',
  count_guess: 'limit',
  used_token: 'token',
  take_lease: 'lease',
  // Only the probe names this table.
  guess: 'heartbeat',
};
/** Statements are constants of this program; this only bounds a mistake. */
const MAX_KNOWN = 200;

const known = new Map<string, StoreOperation>();

/** What a statement is for, by the first function or table of our schema that it names. */
export function operationOf(statement: string): StoreOperation {
  const found = known.get(statement);
  if (found) return found;
  const name = /\bsallyport"?\."?(\w+)/.exec(statement)?.[1];
  const operation = name === undefined ? 'heartbeat' : (OPERATIONS[name] ?? 'other');
  if (known.size < MAX_KNOWN) known.set(statement, operation);
  return operation;
}
