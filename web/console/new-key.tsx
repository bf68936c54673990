import { type FormEvent, useId, useState } from 'react';
import { useFocusOnFault } from './focus-on-fault.js';
import { entriesOf } from './form-entries.js';
import { useSession } from './session.js';
import { type Task, useTask } from './task.js';

const SEPARATORS = /[\s,]+/;

interface CreatedKey {
  readonly name: string;
  readonly key: string;
}

/** Creates a key and shows it once. */
export function NewKey({ onCreated }: { readonly onCreated: () => Promise<void> }) {
  const session = useSession();
  const task = useTask();
  const form = useFocusOnFault(task.faults);
  const [created, setCreated] = useState<CreatedKey | null>(null);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const entry = entriesOf(event);
    const listOf = (name: string): string[] => entry(name).split(SEPARATORS).filter(Boolean);
    const days = entry('expiresInDays');
    const wanted = {
      name: entry('name'),
      scopes: listOf('scopes'),
      expiresInDays: days === '' ? null : Number(days),
      addresses: listOf('addresses'),
    };
    void task.run(async () => {
      const { key } = await session.ask<{ readonly key: string }>('/keys', wanted);
      setCreated({ name: wanted.name, key });
      form.current?.reset();
      await onCreated();
    });
  };
  return (
    <section className="card" aria-labelledby="new-key-title">
      <h2 id="new-key-title">New key</h2>
      {created && <ShownOnce key={created.key} created={created} onHide={() => setCreated(null)} />}
      <form ref={form} className="form key-form" onSubmit={submit}>
        <KeyField task={task} name="name" label="Name" hint="What the key is for." />
        <KeyField
          task={task}
          name="scopes"
          label="Scopes"
          hint="Such as publish:notifications, disconnect. You can give only what your own key has; keys for this console are created with the CLI."
        />
        <KeyField task={task} name="expiresInDays" label="Expires in days (optional)" hint="Empty: never." isNumber />
        <KeyField
          task={task}
          name="addresses"
          label="Addresses (optional)"
          hint="Only from these addresses or ranges, such as 10.0.0.0/8. Empty: from all."
        />
        {task.failure && task.field === null && (
          <p className="error" role="alert">
            {task.failure}
          </p>
        )}
        <button type="submit" className="button primary" aria-busy={task.isRunning}>
          Create key
        </button>
      </form>
    </section>
  );
}

function ShownOnce({ created: { name, key }, onHide }: { readonly created: CreatedKey; readonly onHide: () => void }) {
  const [isCopied, setIsCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(key);
    setIsCopied(true);
  };
  return (
    <div className="notice created" role="alert">
      <p>
        The key <strong>{name}</strong>. Save it now: it will not be shown again.
      </p>
      <code className="secret">{key}</code>
      <div className="buttons">
        {'clipboard' in navigator && (
          <button type="button" className="button" onClick={() => void copy().catch(() => setIsCopied(false))}>
            {isCopied ? 'Copied' : 'Copy'}
          </button>
        )}
        <button type="button" className="button quiet" onClick={onHide}>
          I have it
        </button>
      </div>
    </div>
  );
}

interface FieldProps {
  readonly task: Task;
  readonly name: string;
  readonly label: string;
  readonly hint: string;
  readonly isNumber?: boolean;
}

function KeyField({ task, name, label, hint, isNumber = false }: FieldProps) {
  const id = useId();
  const fault = task.faults[name];
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        name={name}
        type="text"
        inputMode={isNumber ? 'numeric' : 'text'}
        autoComplete="off"
        spellCheck={false}
        aria-invalid={fault ? true : undefined}
        aria-describedby={fault ? `${id}-fault ${id}-hint` : `${id}-hint`}
      />
      {fault && (
        <p id={`${id}-fault`} className="error">
          {fault}
        </p>
      )}
      <p id={`${id}-hint`} className="hint">
        {hint}
      </p>
    </div>
  );
}
