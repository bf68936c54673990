import { SignInPage } from '../account/sign-in-page.js';
import { useBackend } from './backend.js';
import { Home } from './home.js';
import { useStore } from './store.js';

/** The whole page: for a signed-out user, a signed-in user, or when the server does not answer. */
export function App() {
  const { auth } = useBackend();
  const state = useStore(auth.store);
  if (state.phase === 'asking') return <Loading />;
  if (state.phase === 'unreachable') return <Unreachable onRetry={() => void auth.ask()} />;
  if (state.phase === 'signedOut') return <SignInPage signOutReason={state.signOutReason} />;
  return <Home key={state.user.id} user={state.user} />;
}

function Loading() {
  const { server } = useBackend();
  const isLate = useStore(server.store) !== 'well';
  return <output className="waiting">{isLate ? 'Waiting for the server' : 'Loading'}</output>;
}

function Unreachable({ onRetry }: { readonly onRetry: () => void }) {
  return (
    <main className="waiting">
      <div role="alert">
        <h1>The server does not answer</h1>
        <p>Retrying every few seconds. This page continues as soon as the server is back.</p>
        <button type="button" className="button" onClick={onRetry}>
          Try now
        </button>
      </div>
    </main>
  );
}
