import { type FormEvent, useCallback, useEffect, useRef, useState } from 'react';
import { useArrival } from '../app/arrival.js';
import { messageOf } from './api.js';
import { entriesOf } from './form-entries.js';
import { useSession } from './session.js';
import { hrefOf } from './view.js';
import { type FoundViewer, ViewerCard } from './viewer-card.js';

/** Looks a viewer up. @param subject what was looked up, from the URL's fragment, which no server gets */
export function Viewers({ subject }: { readonly subject: string }) {
  const { found, failure, again } = useLookUp(subject);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const text = entriesOf(event)('query');
    if (text === subject) void again();
    else if (text !== '') window.location.hash = hrefOf('viewers', text);
  };
  return (
    <>
      <header className="view-header">
        <h1 ref={useArrival()} tabIndex={-1}>
          Viewers
        </h1>
        <p className="muted">Connections, sessions and topics of one viewer, over all nodes.</p>
      </header>
      <form className="search" onSubmit={submit}>
        <div className="field">
          <label htmlFor="query">Viewer</label>
          <input
            id="query"
            name="query"
            type="text"
            defaultValue={subject}
            required
            spellCheck={false}
            autoCapitalize="off"
            autoComplete="off"
            aria-describedby="query-hint"
            aria-invalid={failure ? true : undefined}
          />
          <p id="query-hint" className="hint">
            An e-mail, a viewer id such as <code>customer:demo.myshopify.com:42</code>, or a source and its subject:{' '}
            <code>acme:auth0|7</code>
          </p>
          {failure && (
            <p className="error" role="alert">
              {failure}
            </p>
          )}
        </div>
        <button type="submit" className="button primary">
          Look up
        </button>
      </form>
      {found && <ViewerCard found={found} onChange={again} />}
    </>
  );
}

function useLookUp(query: string) {
  const session = useSession();
  const [found, setFound] = useState<FoundViewer | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  /** Counts what was asked for: an answer to what was asked for before is dropped. */
  const wanted = useRef(0);
  const again = useCallback(async (): Promise<void> => {
    if (query === '') return;
    const asked = ++wanted.current;
    try {
      const answer = await session.ask<FoundViewer>('/viewer', { query });
      if (asked !== wanted.current) return;
      setFound(answer);
      setFailure(null);
    } catch (error) {
      if (asked !== wanted.current) return;
      setFound(null);
      setFailure(messageOf(error));
    }
  }, [session, query]);
  useEffect(() => void again(), [again]);
  return { found, failure, again };
}
