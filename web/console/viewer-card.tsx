import { useState } from 'react';
import { deviceName } from '../sessions/device-name.js';
import { timeWords } from '../sessions/time-words.js';
import { ConfirmButton } from './confirm-button.js';
import { useScope, useSession } from './session.js';
import { hrefOf } from './view.js';
import { type TopicState, TopicTable } from './topic-table.js';

/** What the server knows of a viewer. Dates are ISO 8601. */
export interface FoundViewer {
  readonly viewer: string;
  readonly account: { readonly email: string; readonly createdAt: string; readonly disabledAt: string | null } | null;
  readonly connections: number;
  readonly since: string | null;
  readonly sessions: readonly FoundSession[] | null;
  readonly topics: readonly TopicState[];
}

interface FoundSession {
  readonly id: string;
  readonly createdAt: string;
  readonly lastSeenAt: string;
  readonly expiresAt: string;
  readonly userAgent: string | null;
  readonly ip: string | null;
}

interface Props {
  readonly found: FoundViewer;
  /** Called when something was ended: loads the viewer again. */
  readonly onChange: () => Promise<void>;
}

/** One viewer: what is known, and what an operator can end. */
export function ViewerCard({ found, onChange }: Props) {
  const [done, setDone] = useState('');
  const changed = (words: string) => async (): Promise<void> => {
    setDone(words);
    await onChange();
  };
  return (
    <div className="viewer">
      <Identity
        found={found}
        onEnd={changed('Disconnected: sockets are closed, and tokens and sessions are revoked.')}
      />
      <output className="done">{done}</output>
      <Sessions found={found} onEnd={changed('The session is revoked.')} />
      <TopicTable viewer={found.viewer} topics={found.topics} />
    </div>
  );
}

interface Ending {
  readonly found: FoundViewer;
  readonly onEnd: () => Promise<void>;
}

function Identity({ found, onEnd }: Ending) {
  const { viewer, account, connections, since } = found;
  const session = useSession();
  const mayEnd = useScope('disconnect');
  const end = async (): Promise<void> => {
    await session.ask('/viewer/disconnect', { viewer });
    await onEnd();
  };
  return (
    <section className="card identity" aria-labelledby="viewer-title">
      <div>
        <h2 id="viewer-title">
          {account?.email ?? viewer}{' '}
          <span className={connections > 0 ? 'badge' : 'badge off'}>{connections > 0 ? 'online' : 'offline'}</span>
        </h2>
        {account && <code className="muted">{viewer}</code>}
        <p className="muted">
          {connections === 0 && 'No open connection.'}
          {connections > 0 &&
            since &&
            `${count(connections, 'open connection')}, the oldest since ${timeWords(since)}.`}
        </p>
        <p className="muted">
          {account && `Account registered ${timeWords(account.createdAt)}. `}
          {account?.disabledAt && <strong className="error">Disabled {timeWords(account.disabledAt)}.</strong>}
          {!account && viewer.startsWith('user:') && 'There is no account with this id.'}
        </p>
      </div>
      <p className="links">
        <a href={hrefOf('publish', viewer)}>Publish to this viewer</a> <a href={hrefOf('audit', viewer)}>Audit</a>
      </p>
      {mayEnd && (
        <ConfirmButton
          label="Disconnect"
          of={viewer}
          question="Close all sockets, and revoke tokens and sessions?"
          action={end}
        />
      )}
    </section>
  );
}

function Sessions({ found: { viewer, sessions }, onEnd }: Ending) {
  const session = useSession();
  const mayEnd = useScope('disconnect');
  if (sessions === null) return <p className="muted">The sessions of this viewer are kept by its own system.</p>;
  const revoke = (id: string) => async (): Promise<void> => {
    await session.ask('/viewer/revoke-session', { viewer, session: id });
    await onEnd();
  };
  return (
    <section className="card" aria-labelledby="sessions-title">
      <h2 id="sessions-title">Sessions</h2>
      {sessions.length === 0 && <p className="muted">No open session.</p>}
      {sessions.length > 0 && (
        <ul className="list">
          {sessions.map(({ id, userAgent, ip, createdAt, lastSeenAt, expiresAt }) => (
            <li key={id} className="list-row">
              <div>
                <strong title={userAgent ?? undefined}>{deviceName(userAgent)}</strong>
                <p className="muted">
                  Last seen {timeWords(lastSeenAt)}
                  {ip && ` from ${ip}`}. Signed in {timeWords(createdAt)}, expires {timeWords(expiresAt)}.
                </p>
                <code className="muted">{id}</code>
              </div>
              {mayEnd && (
                <ConfirmButton
                  label="Revoke"
                  of={id}
                  question="End this session and its sockets?"
                  action={revoke(id)}
                />
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
