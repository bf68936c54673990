import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { useBackend } from '../app/backend.js';
import { useStore } from '../app/store.js';
import { NO_PROBLEMS, problemsOf, type Problems } from '../graphql/problems.js';

/** Reads a field of the form; the empty string if there is none. */
type FormValues = (name: string) => string;

interface Props {
  /** Called with the form's values. A rejection is shown next to the field that it is about. */
  readonly onSubmit: (values: FormValues) => Promise<void>;
  /** The field where wrong credentials are shown. */
  readonly credentialField: string;
  readonly submitLabel: string;
  readonly danger?: boolean;
  readonly children: (errors: Problems['fields']) => ReactNode;
}

/** A form that runs one operation: shows errors and focuses the first, and is cleared on success. */
export function OperationForm({ onSubmit, credentialField, submitLabel, danger = false, children }: Props) {
  const form = useRef<HTMLFormElement>(null);
  const [problems, setProblems] = useState(NO_PROBLEMS);
  const [pending, setPending] = useState(false);
  const isLate = useStore(useBackend().server.store) !== 'well';

  useEffect(() => {
    const isWrong = Object.keys(problems.fields).length > 0;
    if (isWrong) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [problems]);

  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (pending) return;
    const data = new FormData(event.currentTarget);
    setPending(true);
    try {
      await onSubmit((name) => textOf(data.get(name)));
      form.current?.reset();
      setProblems(NO_PROBLEMS);
    } catch (error) {
      setProblems(problemsOf(error, credentialField));
    } finally {
      setPending(false);
    }
  };

  return (
    <form ref={form} className="form" onSubmit={(event) => void submit(event)}>
      {children(problems.fields)}
      {problems.form && (
        <p className="error" role="alert">
          {problems.form}
        </p>
      )}
      <button type="submit" className={danger ? 'button danger' : 'button primary'} aria-busy={pending}>
        {pending ? 'Please wait' : submitLabel}
      </button>
      {pending && isLate && <output className="muted">Waiting for the server to answer.</output>}
    </form>
  );
}

function textOf(value: FormDataEntryValue | null): string {
  return typeof value === 'string' ? value : '';
}
