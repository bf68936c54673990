import { useEffect } from 'react';
import { problemsOf } from '../graphql/problems.js';
import { useAction } from './action.js';
import { useBackend } from './backend.js';
import { useStore } from './store.js';

/** A request that the user starts with a button: whether it is running, and its error. */
export interface Task {
  readonly isRunning: boolean;
  /** The error message; null again when it is retried or the server answers again. */
  readonly failure: string | null;
  /** Runs it, unless it is running. Never rejects; true if it succeeded. */
  run(action: () => Promise<unknown>): Promise<boolean>;
}

/** A {@link Task} for one component. */
export function useTask(): Task {
  const { server } = useBackend();
  const answering = useStore(server.store);
  const { isRunning, error, run, forget } = useAction();
  useEffect(() => {
    if (answering === 'well') forget();
  }, [answering, forget]);
  const failure = error === null ? null : (problemsOf(error, '').form ?? 'That did not work. Try again.');
  return { isRunning, failure, run };
}
