import { useCallback, useState } from 'react';

/** Something that the user starts: whether it is running, and its error. */
interface Action {
  readonly isRunning: boolean;
  /** What the last run rejected with; null if it did not, and again when it is run once more. */
  readonly error: unknown;
  /** Runs it, unless it is running. Never rejects; true if it succeeded. */
  run(action: () => Promise<unknown>): Promise<boolean>;
  /** Sets the error to null. The same function at each call. */
  forget(): void;
}

/** An {@link Action} for one component. */
export function useAction(): Action {
  const [isRunning, setIsRunning] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const forget = useCallback(() => setError(null), []);
  const run = async (action: () => Promise<unknown>): Promise<boolean> => {
    if (isRunning) return false;
    setIsRunning(true);
    forget();
    try {
      await action();
      return true;
    } catch (failure) {
      setError(failure);
      return false;
    } finally {
      setIsRunning(false);
    }
  };
  return { isRunning, error, run, forget };
}
