import { type FormEvent, useMemo } from 'react';
import { Field } from '../account/field.js';
import { useArrival } from '../app/arrival.js';
import { Mark } from '../app/mark.js';
import { useFocusOnFault } from './focus-on-fault.js';
import { entriesOf } from './form-entries.js';
import { useSession } from './session.js';
import { useTask } from './task.js';

/** Exchanges an API key for a session. */
export function SignIn({ notice }: { readonly notice: string | null }) {
  const session = useSession();
  const task = useTask();
  const { failure } = task;
  const faults = useMemo((): Readonly<Record<string, string>> => (failure === null ? {} : { key: failure }), [failure]);
  const place = useFocusOnFault(faults);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const key = entriesOf(event)('key');
    void task.run(() => session.signIn(key));
  };
  return (
    <div className="entrance">
      <section className="welcome" aria-labelledby="welcome-title">
        <Mark />
        <div>
          <h1 id="welcome-title">Console</h1>
          <p>Who is connected, what is published, who may publish. For operators of this server.</p>
        </div>
        <ol className="steps">
          <li>An API key with the scope console</li>
          <li>A session in this browser, at most eight hours</li>
          <li>Everything you do is in the audit log</li>
        </ol>
      </section>
      <main className="gate">
        <div className="gate-box">
          {notice && <output className="notice">{notice}</output>}
          <h2 ref={useArrival()} tabIndex={-1}>
            Sign in
          </h2>
          <form ref={place} className="form" onSubmit={submit}>
            <Field name="key" label="API key" autoComplete="off" error={task.failure ?? undefined} />
            <button type="submit" className="button primary" aria-busy={task.isRunning}>
              {task.isRunning ? 'Please wait' : 'Sign in'}
            </button>
          </form>
          <p className="muted hint">
            Create one on the server: <code>npm run cli -- api-key create NAME --allow console</code>
          </p>
        </div>
      </main>
    </div>
  );
}
