import { useState } from 'react';
import { useTask } from './task.js';

interface Props {
  /** What it does, such as "Disconnect". */
  readonly label: string;
  /** What it does it to, for those who do not see the place of the button. */
  readonly of?: string;
  /** The question before it is done. */
  readonly question: string;
  readonly action: () => Promise<unknown>;
}

/** A button for what cannot be undone: it asks first, in its own place. */
export function ConfirmButton({ label, of, question, action }: Props) {
  const [asks, setAsks] = useState(false);
  const task = useTask();
  const name = of === undefined ? label : `${label}: ${of}`;
  const confirm = async (): Promise<void> => {
    if (await task.run(action)) setAsks(false);
  };
  if (!asks)
    return (
      <button type="button" className="button danger-quiet" aria-label={name} onClick={() => setAsks(true)}>
        {label}
      </button>
    );
  return (
    <fieldset className="confirm">
      <legend>{question}</legend>
      <button
        type="button"
        className="button danger"
        // The button that was pressed is gone: the keyboard goes on here.
        ref={(element) => element?.focus()}
        aria-busy={task.isRunning}
        onClick={() => void confirm()}
      >
        {label}
      </button>
      <button type="button" className="button quiet" onClick={() => setAsks(false)}>
        Cancel
      </button>
      {task.failure && (
        <p className="error" role="alert">
          {task.failure}
        </p>
      )}
    </fieldset>
  );
}
