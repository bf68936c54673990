import { useMemo } from 'react';
import { useAction } from '../app/action.js';
import { AskError, messageOf } from './api.js';

/** Something that an operator starts: whether it is running, and how it failed. */
export interface Task {
  readonly isRunning: boolean;
  /** The message of the last failure; null again when it is started. */
  readonly failure: string | null;
  /** The field that the failure is about. */
  readonly field: string | null;
  /** The failure by its field; empty if it is about none. The same object until it changes. */
  readonly faults: Readonly<Record<string, string>>;
  /** Runs it, unless it is running. Never rejects; true if it succeeded. */
  run(action: () => Promise<unknown>): Promise<boolean>;
}

/** A {@link Task} for one component. */
export function useTask(): Task {
  const { isRunning, error, run } = useAction();
  const field = error instanceof AskError ? error.field : null;
  const failure = error === null ? null : messageOf(error);
  const faults = useMemo(() => (failure !== null && field !== null ? { [field]: failure } : {}), [field, failure]);
  return { isRunning, failure, field, faults, run };
}
