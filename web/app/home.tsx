import { useEffect } from 'react';
import { AccountView } from '../account/account-view.js';
import type { User } from '../graphql/operations.js';
import { ConnectionState } from '../live/connection-state.js';
import { LiveView } from '../live/live-view.js';
import { SessionsView } from '../sessions/sessions-view.js';
import { useBackend } from './backend.js';
import { Mark } from './mark.js';
import { useStore } from './store.js';
import { useTask } from './task.js';
import { useView, VIEWS } from './view.js';

/** The page of a signed-in user. */
export function Home({ user }: { readonly user: User }) {
  const { feeds, connection } = useBackend();
  const view = useView();
  useEffect(() => {
    feeds.start();
    return () => {
      feeds.clear();
      // The connection would stay open for a while, and a user who signs in next would subscribe on it.
      connection.client.terminate();
    };
  }, [feeds, connection]);
  useUnreadInTitle();
  return (
    <div className="home">
      <header className="bar">
        <Mark />
        <nav aria-label="Views" className="tabs">
          {VIEWS.map(({ id, label }) => (
            <a key={id} href={`#${id}`} aria-current={view === id ? 'page' : undefined}>
              {label}
            </a>
          ))}
        </nav>
        <ConnectionState />
        <SignOut email={user.email} />
      </header>
      <main className="content">
        {view === 'live' && <LiveView userId={user.id} />}
        {view === 'sessions' && <SessionsView />}
        {view === 'account' && <AccountView user={user} />}
      </main>
    </div>
  );
}

function SignOut({ email }: { readonly email: string }) {
  const { auth, server } = useBackend();
  const isLate = useStore(server.store) !== 'well';
  const { isRunning, failure, run } = useTask();
  return (
    <>
      <div className="who">
        <span className="who-email" title={email}>
          {email}
        </span>
        <button
          type="button"
          className="button quiet"
          aria-busy={isRunning}
          onClick={() => void run(() => auth.signOut())}
        >
          {isRunning ? 'Signing out' : 'Sign out'}
        </button>
      </div>
      {isRunning && isLate && <output className="bar-notice">Signing out. Waiting for the server to answer.</output>}
      {failure && (
        <p className="bar-notice error" role="alert">
          You are still signed in. {failure}
        </p>
      )}
    </>
  );
}

function useUnreadInTitle(): void {
  const { feeds } = useBackend();
  const { unread } = useStore(feeds.store);
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Sallyport` : 'Sallyport';
    return () => void (document.title = 'Sallyport');
  }, [unread]);
}
