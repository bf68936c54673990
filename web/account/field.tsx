import { useId, useState } from 'react';

interface Props {
  readonly name: string;
  readonly label: string;
  readonly type?: 'email' | 'password' | 'text';
  readonly autoComplete: string;
  readonly hint?: string;
  /** The error message, shown next to the input and read with it. */
  readonly error?: string | undefined;
  readonly minLength?: number;
}

/** One labelled input. A password can be made visible. */
export function Field({ name, label, type = 'password', autoComplete, hint, error, minLength }: Props) {
  const id = useId();
  const [shown, setShown] = useState(false);
  const described = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(' ');
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="field-input">
        <input
          id={id}
          name={name}
          type={shown ? 'text' : type}
          autoComplete={autoComplete}
          required
          minLength={minLength}
          spellCheck={false}
          aria-invalid={error ? true : undefined}
          aria-describedby={described || undefined}
        />
        {type === 'password' && (
          <button
            type="button"
            className="reveal"
            aria-label={`${shown ? 'Hide' : 'Show'}: ${label}`}
            onClick={() => setShown(!shown)}
          >
            {shown ? 'Hide' : 'Show'}
          </button>
        )}
      </div>
      {error && (
        <p id={`${id}-error`} className="error">
          {error}
        </p>
      )}
      {hint && (
        <p id={`${id}-hint`} className="hint">
          {hint}
        </p>
      )}
    </div>
  );
}

/** Tells password managers whose password a form is about, where the user does not enter it. */
export function HiddenUsername({ email }: { readonly email: string }) {
  return <input type="text" autoComplete="username" value={email} readOnly hidden />;
}
