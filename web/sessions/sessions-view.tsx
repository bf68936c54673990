import { useMutation, useQuery } from '@apollo/client/react';
import { useCallback, useEffect, useState } from 'react';
import { focusIfLost, useArrival } from '../app/arrival.js';
import { type Task, useTask } from '../app/task.js';
import { useBackend } from '../app/backend.js';
import { useStore } from '../app/store.js';
import { REVOKE_OTHER_SESSIONS, REVOKE_SESSION, SESSIONS, type Session } from '../graphql/operations.js';
import { problemsOf } from '../graphql/problems.js';
import { deviceName } from './device-name.js';
import { timeWords } from './time-words.js';

/** The user's sessions, with buttons to sign them out. */
export function SessionsView() {
  const { data, error, loading, refetch } = useQuery(SESSIONS, { fetchPolicy: 'cache-and-network' });
  const [done, setDone] = useState('');
  const again = useCallback((): void => void refetch().catch(() => {}), [refetch]);
  useRefetch(again, error !== undefined);
  const sessions = data?.sessions ?? [];
  const title = useArrival();
  useEffect(() => {
    if (done !== '') focusIfLost(title.current);
  });
  const ended = (words: string): void => {
    setDone(words);
    again();
  };
  return (
    <div className="stack">
      <header className="view-header">
        <h1 ref={title} tabIndex={-1}>
          Sessions
        </h1>
        <p className="muted">Where you are signed in. Signing out a session closes its connections at once.</p>
        {sessions.some(({ current }) => !current) && <SignOutOthers onDone={ended} />}
      </header>
      <output className="done">{done}</output>
      <Asking isFirst={!data} loading={loading} error={error} onRetry={again} />
      <ul className="sessions">
        {sessions.map((session) => (
          <SessionRow key={session.id} session={session} onDone={ended} />
        ))}
      </ul>
    </div>
  );
}

interface AskingProps {
  readonly isFirst: boolean;
  readonly loading: boolean;
  readonly error: unknown;
  readonly onRetry: () => void;
}

/** The state of loading: pending, late, or failed, and retried when the server answers. */
function Asking({ isFirst, loading, error, onRetry }: AskingProps) {
  const isLate = useStore(useBackend().server.store) !== 'well';
  if (loading && isLate) return <output className="muted">Waiting for the server to answer.</output>;
  if (loading) return isFirst ? <output className="muted">Loading your sessions.</output> : null;
  if (!error) return null;
  return (
    <div className="failed">
      <p className="error" role="alert">
        {problemsOf(error, 'session').form}
      </p>
      <button type="button" className="button" onClick={onRetry}>
        Try again
      </button>
    </div>
  );
}

interface Ending {
  /** Called with a message about what was done. */
  readonly onDone: (words: string) => void;
}

function SignOutOthers({ onDone }: Ending) {
  const [revokeOthers] = useMutation(REVOKE_OTHER_SESSIONS);
  const task = useTask();
  const signOut = async (): Promise<void> => {
    const { data } = await revokeOthers();
    const count = data?.revokeOtherSessions ?? 0;
    onDone(count === 1 ? 'Signed out 1 other session.' : `Signed out ${count} other sessions.`);
  };
  return <EndButton task={task} label="Sign out all other sessions" action={signOut} />;
}

function SessionRow({ session, onDone }: Ending & { readonly session: Session }) {
  const name = deviceName(session.userAgent);
  const [revoke] = useMutation(REVOKE_SESSION);
  const task = useTask();
  const signOut = async (): Promise<void> => {
    await revoke({ variables: { id: session.id } });
    onDone(`Signed out ${name}.`);
  };
  return (
    <li className="card session" data-current={session.current}>
      <div>
        <h2 title={session.userAgent ?? undefined}>
          {name} {session.current && <span className="badge">This browser</span>}
        </h2>
        <p className="muted">
          {session.current ? 'Active now' : `Last seen ${timeWords(session.lastSeenAt)}`}
          {session.ip && ` from ${session.ip}`}
        </p>
        <p className="muted">
          Signed in {timeWords(session.createdAt)}, expires {timeWords(session.expiresAt)} if it is not used
        </p>
      </div>
      {!session.current && <EndButton task={task} label="Sign out" of={name} action={signOut} />}
    </li>
  );
}

interface EndButtonProps {
  readonly task: Task;
  readonly label: string;
  /** Which session, if the label does not say it. */
  readonly of?: string;
  readonly action: () => Promise<void>;
}

function EndButton({ task: { isRunning, failure, run }, label, of, action }: EndButtonProps) {
  const { auth } = useBackend();
  const press = (): Promise<boolean> =>
    run(() =>
      // A failure may mean that this session has ended as well.
      action().catch((error: unknown) => {
        void auth.ask();
        throw error;
      }),
    );
  return (
    <div className="end">
      <button
        type="button"
        className="button"
        aria-label={of && `${label}: ${of}`}
        aria-busy={isRunning}
        onClick={() => void press()}
      >
        {isRunning ? 'Signing out' : label}
      </button>
      {failure && (
        <p className="error" role="alert">
          {failure}
        </p>
      )}
    </div>
  );
}

/** Reloads when the page becomes visible, and after a failure as soon as the server answers again. */
function useRefetch(refetch: () => void, hasFailed: boolean): void {
  const { server } = useBackend();
  useEffect(() => {
    const answered = (): void => {
      if (hasFailed && server.store.value === 'well') refetch();
    };
    return server.store.subscribe(answered);
  }, [server, refetch, hasFailed]);
  useEffect(() => {
    const returned = (): void => {
      if (document.visibilityState === 'visible') refetch();
    };
    document.addEventListener('visibilitychange', returned);
    return () => document.removeEventListener('visibilitychange', returned);
  }, [refetch]);
}
