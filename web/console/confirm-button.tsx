import { useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { focusIfLost } from '../app/arrival.js';
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
  const first = useRef<HTMLButtonElement>(null);
  /** The pressed button has been replaced: focus moves to its replacement, unless the user has moved it elsewhere. */
  const turn = (isAsking: boolean): void => {
    flushSync(() => setAsks(isAsking));
    focusIfLost(first.current);
  };
  const confirm = async (): Promise<void> => {
    if (await task.run(action)) turn(false);
  };
  if (!asks)
    return (
      <button ref={first} type="button" className="button danger-quiet" aria-label={name} onClick={() => turn(true)}>
        {label}
      </button>
    );
  return (
    <fieldset className="confirm">
      <legend>{question}</legend>
      <button
        ref={first}
        type="button"
        className="button danger"
        aria-busy={task.isRunning}
        onClick={() => void confirm()}
      >
        {label}
      </button>
      <button type="button" className="button quiet" onClick={() => turn(false)}>
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
