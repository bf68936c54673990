import { Mark } from '../app/mark.js';
import { useStore } from '../app/store.js';
import { Audit } from './audit.js';
import { Keys } from './keys.js';
import { Overview } from './overview.js';
import { type Operator, useSession } from './session.js';
import { Publish } from './publish.js';
import { SignIn } from './sign-in.js';
import { useTask } from './task.js';
import { Viewers } from './viewers.js';
import { hrefOf, useView, VIEWS } from './view.js';

/** The whole page: the sign-in, or the views of an operator. */
export function Console() {
  const session = useSession();
  const state = useStore(session.store);
  if (state.phase === 'asking') return <output className="waiting">Loading</output>;
  if (state.phase === 'unreachable')
    return (
      <main className="waiting">
        <div role="alert">
          <h1>The console is unavailable</h1>
          <p>{state.message}</p>
          <button type="button" className="button" onClick={() => void session.check()}>
            Try again
          </button>
        </div>
      </main>
    );
  if (state.phase === 'signedOut') return <SignIn notice={state.notice} />;
  return <Views operator={state.operator} />;
}

function Views({ operator }: { readonly operator: Operator }) {
  const { name, subject } = useView();
  return (
    <div className="home console">
      <header className="bar">
        <Mark />
        <nav aria-label="Views" className="tabs">
          {VIEWS.map(({ id, label }) => (
            <a key={id} href={hrefOf(id)} aria-current={name === id ? 'page' : undefined}>
              {label}
            </a>
          ))}
        </nav>
        <SignOut name={operator.name} />
      </header>
      <main className="content">
        {name === 'overview' && <Overview />}
        {name === 'viewers' && <Viewers key={subject} subject={subject} />}
        {name === 'keys' && <Keys />}
        {name === 'audit' && <Audit key={subject} subject={subject} />}
        {name === 'publish' && <Publish key={subject} subject={subject} />}
      </main>
    </div>
  );
}

function SignOut({ name }: { readonly name: string }) {
  const session = useSession();
  const task = useTask();
  return (
    <>
      <div className="who">
        <span className="who-email" title={`The key ${name}`}>
          {name}
        </span>
        <button
          type="button"
          className="button quiet"
          aria-busy={task.isRunning}
          onClick={() => void task.run(() => session.signOut())}
        >
          Sign out
        </button>
      </div>
      {task.failure && (
        <p className="bar-notice error" role="alert">
          You are still signed in. {task.failure}
        </p>
      )}
    </>
  );
}
