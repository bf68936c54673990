import { useEffect, useState } from 'react';
import { problemsOf } from '../graphql/problems.js';
import { useBackend } from './backend.js';
import { useStore } from './store.js';

/** A request that the user starts with a button: whether it is running, and its error. */
export interface Attempt {
  readonly pending: boolean;
  /** The error message; null again when it is retried or the server answers again. */
  readonly failure: string | null;
  /** Starts it, unless it is running. Never rejects. */
  start(action: () => Promise<unknown>): Promise<void>;
}

/** An {@link Attempt} for one component. */
export function useAttempt(): Attempt {
  const { server } = useBackend();
  const answering = useStore(server.store);
  const [pending, setPending] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    if (answering === 'well') setFailure(null);
  }, [answering]);
  return {
    pending,
    failure,
    start: async (action) => {
      if (pending) return;
      setPending(true);
      setFailure(null);
      try {
        await action();
      } catch (error) {
        setFailure(problemsOf(error, '').form ?? 'That did not work. Try again.');
      } finally {
        setPending(false);
      }
    },
  };
}
