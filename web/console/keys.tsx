import { useCallback, useEffect, useRef, useState } from 'react';
import { focusIfLost, useArrival } from '../app/arrival.js';
import { timeWords } from '../sessions/time-words.js';
import { messageOf } from './api.js';
import { ConfirmButton } from './confirm-button.js';
import { NewKey } from './new-key.js';
import { useScope, useSession } from './session.js';

/** An API key without its secret. Dates are ISO 8601. */
interface ListedKey {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly scopes: readonly string[];
  readonly expiresAt: string | null;
  readonly addresses: readonly string[] | null;
  readonly lastUsedAt: string | null;
}

interface KeysAnswer {
  readonly keys: readonly ListedKey[];
  readonly next: string | null;
}

const NOTHING_YET = { keys: [] as readonly ListedKey[], pages: 0, next: null as string | null };

/** API keys: list, create, revoke. */
export function Keys() {
  const { keys, failure, pages, hasMore, more, again } = useKeys();
  const mayChange = useScope('keys');
  const [done, setDone] = useState('');
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (done !== '' || pages > 1) focusIfLost(title.current);
  });
  return (
    <>
      <header className="view-header">
        <h1 ref={useArrival()} tabIndex={-1}>
          Keys
        </h1>
        <p className="muted">API keys of other backends, and those that open this console.</p>
      </header>
      {failure && (
        <p className="error" role="alert">
          {failure}
        </p>
      )}
      {mayChange && <NewKey onCreated={again} />}
      <section className="card" aria-labelledby="keys-title">
        <h2 id="keys-title" ref={title} tabIndex={-1}>
          All keys
        </h2>
        <output className="done">{done}</output>
        <ul className="list">
          {keys.map((key) => (
            <KeyRow
              key={key.id}
              item={key}
              mayRevoke={mayChange}
              onRevoked={async () => {
                setDone(`${key.name} is revoked.`);
                await again();
              }}
            />
          ))}
        </ul>
        {hasMore && (
          <button type="button" className="button" onClick={() => void more()}>
            More
          </button>
        )}
      </section>
    </>
  );
}

interface RowProps {
  readonly item: ListedKey;
  readonly mayRevoke: boolean;
  readonly onRevoked: () => Promise<void>;
}

function KeyRow({
  item: { name, scopes, createdAt, lastUsedAt, expiresAt, addresses },
  mayRevoke,
  onRevoked,
}: RowProps) {
  const session = useSession();
  const revoke = async (): Promise<void> => {
    await session.ask('/keys/revoke', { name });
    await onRevoked();
  };
  const isOver = hasPassed(expiresAt);
  return (
    <li className="list-row">
      <div>
        <strong>{name}</strong> {isOver && <span className="badge off">expired</span>}
        <p className="scopes">
          {scopes.map((scope) => (
            <code key={scope} className="scope">
              {scope}
            </code>
          ))}
        </p>
        <p className="muted">
          Created {timeWords(createdAt)}, {lastUsedAt ? `last used ${timeWords(lastUsedAt)}` : 'never used'},{' '}
          {expiresAt ? `${isOver ? 'expired' : 'expires'} ${timeWords(expiresAt)}` : 'never expires'}
          {addresses && `, only from ${addresses.join(', ')}`}.
        </p>
      </div>
      {mayRevoke && (
        <ConfirmButton
          label="Revoke"
          of={name}
          question="Revoke this key? Programs that use it stop working."
          action={revoke}
        />
      )}
    </li>
  );
}

function hasPassed(instant: string | null): boolean {
  return instant !== null && Date.parse(instant) <= Date.now();
}

function useKeys() {
  const session = useSession();
  const [answer, setAnswer] = useState(NOTHING_YET);
  const [failure, setFailure] = useState<string | null>(null);
  /** Counts what was asked for: an answer to what was asked for before is dropped. */
  const wanted = useRef(0);
  const load = useCallback(
    async (before: typeof NOTHING_YET): Promise<void> => {
      const asked = ++wanted.current;
      try {
        const { keys, next } = await session.ask<KeysAnswer>(`/keys?after=${encodeURIComponent(before.next ?? '')}`);
        if (asked !== wanted.current) return;
        setAnswer({ keys: [...before.keys, ...keys], pages: before.pages + 1, next });
        setFailure(null);
      } catch (error) {
        if (asked === wanted.current) setFailure(messageOf(error));
      }
    },
    [session],
  );
  const again = useCallback(() => load(NOTHING_YET), [load]);
  useEffect(() => void again(), [again]);
  const more = () => load(answer);
  return { keys: answer.keys, pages: answer.pages, failure, hasMore: answer.next !== null, more, again };
}
