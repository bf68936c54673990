import { useMutation, useQuery } from '@apollo/client/react';
import { useEffect, useState } from 'react';
import { useBackend } from '../app/backend.js';
import { REVOKE_OTHER_SESSIONS, REVOKE_SESSION, SESSIONS, type Session } from '../graphql/operations.js';
import { problemsOf } from '../graphql/problems.js';
import { deviceName } from './device-name.js';
import { timeWords } from './time-words.js';

/** Where one is signed in, and how to end it there. */
export function SessionsView() {
  const { data, error, refetch } = useQuery(SESSIONS, { fetchPolicy: 'cache-and-network' });
  const { end, endOthers, said } = useEndings(() => void refetch());
  useRefetchOnReturn(() => void refetch());
  const sessions = data?.sessions ?? [];
  const others = sessions.filter(({ current }) => !current);
  return (
    <div className="stack">
      <header className="view-header">
        <h1>Sessions</h1>
        <p className="muted">Where you are signed in. Ending one closes its pages’ connections at once.</p>
        {others.length > 0 && (
          <button type="button" className="button" onClick={() => void endOthers()}>
            End all others
          </button>
        )}
      </header>
      <output className="done">{said}</output>
      {error && (
        <p className="error" role="alert">
          {problemsOf(error, 'session').form}
        </p>
      )}
      <ul className="sessions">
        {sessions.map((session) => (
          <SessionRow key={session.id} session={session} onEnd={() => void end(session)} />
        ))}
      </ul>
    </div>
  );
}

function SessionRow({ session, onEnd }: { readonly session: Session; readonly onEnd: () => void }) {
  const name = deviceName(session.userAgent);
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
          Signed in {timeWords(session.createdAt)}, ends {timeWords(session.expiresAt)} unless it is used
        </p>
      </div>
      {!session.current && (
        <button type="button" className="button" aria-label={`End it: ${name}`} onClick={onEnd}>
          End it
        </button>
      )}
    </li>
  );
}

function useEndings(onEnded: () => void) {
  const { memberships } = useBackend();
  const [said, setSaid] = useState('');
  const [revoke] = useMutation(REVOKE_SESSION);
  const [revokeOthers] = useMutation(REVOKE_OTHER_SESSIONS);
  const attempt = async (action: () => Promise<string>): Promise<void> => {
    try {
      setSaid(await action());
    } catch (error) {
      setSaid(problemsOf(error, 'session').form ?? 'That did not work.');
      void memberships.ask();
    }
    onEnded();
  };
  return {
    said,
    end: ({ id, userAgent }: Session) =>
      attempt(async () => {
        await revoke({ variables: { id } });
        return `The session of ${deviceName(userAgent)} is ended.`;
      }),
    endOthers: () =>
      attempt(async () => {
        const { data } = await revokeOthers();
        const count = data?.revokeOtherSessions ?? 0;
        return count === 1 ? '1 other session is ended.' : `${count} other sessions are ended.`;
      }),
  };
}

function useRefetchOnReturn(refetch: () => void): void {
  useEffect(() => {
    const returned = (): void => {
      if (document.visibilityState === 'visible') refetch();
    };
    document.addEventListener('visibilitychange', returned);
    return () => document.removeEventListener('visibilitychange', returned);
  });
}
