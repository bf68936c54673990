import { type FormEvent, type RefObject, useCallback, useEffect, useRef, useState } from 'react';
import { focusIfLost, useArrival } from '../app/arrival.js';
import { messageOf } from './api.js';
import { entriesOf } from './form-entries.js';
import { useSession } from './session.js';
import { hrefOf } from './view.js';

const FOLLOW_EVERY_MS = 2_000;

/** An event of the audit log. `at` is ISO 8601. */
interface AuditEvent {
  readonly id: number;
  readonly at: string;
  readonly event: string;
  readonly viewer: string | null;
  readonly address: string | null;
  readonly reason: string | null;
  readonly by: string;
  readonly details: Readonly<Record<string, unknown>>;
}

interface AuditAnswer {
  readonly events: readonly AuditEvent[];
  readonly next: number | null;
  readonly retentionDays: number;
  readonly names: readonly string[];
}

interface Filter {
  readonly event: string;
  readonly viewer: string;
}

/** The audit log, newest first. @param subject the viewer whose events to show */
export function Audit({ subject }: { readonly subject: string }) {
  const [filter, setFilter] = useState<Filter>({ event: '', viewer: subject });
  const [follows, setFollows] = useState(true);
  const { answer, failure, isAtTop, older } = useAudit(filter, follows);
  const events = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!isAtTop) focusIfLost(events.current);
  });
  const choose = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const entry = entriesOf(event);
    setFilter({ event: entry('event'), viewer: entry('viewer') });
  };
  return (
    <>
      <header className="view-header">
        <h1 ref={useArrival()} tabIndex={-1}>
          Audit
        </h1>
        <p className="muted">
          {answer?.retentionDays === 0
            ? 'AUDIT_RETENTION_DAYS is 0: events are only in the log.'
            : `Who did what, from where. Events are stored for ${answer?.retentionDays ?? '–'} days.`}
        </p>
      </header>
      <form className="search" onSubmit={choose}>
        <div className="field">
          <label htmlFor="event">Event</label>
          <select id="event" name="event" defaultValue="">
            <option value="">all</option>
            {answer?.names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor="viewer">Viewer</label>
          <input id="viewer" name="viewer" type="text" defaultValue={subject} spellCheck={false} autoComplete="off" />
        </div>
        <button type="submit" className="button">
          Show
        </button>
        <label className="check follow">
          <input type="checkbox" checked={follows} onChange={() => setFollows(!follows)} /> Follow
        </label>
      </form>
      {failure && (
        <p className="error" role="alert">
          {failure}
        </p>
      )}
      {answer && <Events place={events} answer={answer} onOlder={older} />}
    </>
  );
}

function Events({
  place,
  answer: { events, next },
  onOlder,
}: {
  readonly place: RefObject<HTMLElement | null>;
  readonly answer: AuditAnswer;
  readonly onOlder: () => Promise<void>;
}) {
  if (events.length === 0) return <p className="muted">There are no such events.</p>;
  return (
    <section ref={place} tabIndex={-1} className="card" aria-label="Events">
      <table className="table audit">
        <thead>
          <tr>
            <th scope="col">Event</th>
            <th scope="col">Time</th>
            <th scope="col">By</th>
            <th scope="col">Address</th>
            <th scope="col">Viewer and details</th>
          </tr>
        </thead>
        <tbody>
          {events.map((event) => (
            <EventRow key={event.id} event={event} />
          ))}
        </tbody>
      </table>
      {next !== null && (
        <button type="button" className="button" onClick={() => void onOlder()}>
          Older
        </button>
      )}
    </section>
  );
}

function EventRow({ event: { at, event, viewer, address, reason, by, details } }: { readonly event: AuditEvent }) {
  const { operator, ...others } = details;
  const more = Object.entries(others).filter(([, value]) => value !== null);
  return (
    <tr>
      <th scope="row">
        {event}
        {reason && <span className="muted cell-note">{reason}</span>}
      </th>
      <td data-label="Time">
        <time dateTime={at} title={at}>
          {new Date(at).toLocaleString()}
        </time>
      </td>
      <td data-label="By">{typeof operator === 'string' ? `${by} ${operator}` : by}</td>
      <td data-label="Address" className="address">
        {address ?? '–'}
      </td>
      <td data-label="Viewer and details">
        <span className="details">
          {viewer && <a href={hrefOf('viewers', viewer)}>{viewer}</a>}
          {more.map(([name, value]) => (
            <span key={name}>
              <span className="muted">{name}</span> {String(value)}
            </span>
          ))}
        </span>
      </td>
    </tr>
  );
}

/**
 * The newest page, again every two seconds. An older page, on demand, stops this until a filter is submitted again, even
 * the same one.
 */
function useAudit(filter: Filter, follows: boolean) {
  const session = useSession();
  const [answer, setAnswer] = useState<AuditAnswer | null>(null);
  const [isAtTop, setIsAtTop] = useState(true);
  const [failure, setFailure] = useState<string | null>(null);
  /** Counts what was asked for: an answer to what was asked for before is dropped. */
  const wanted = useRef(0);
  const load = useCallback(
    async (before: AuditAnswer | null): Promise<void> => {
      const asked = wanted.current;
      const { event, viewer } = filter;
      const parts = { event, viewer, before: before?.next ? String(before.next) : '' };
      try {
        const page = await session.ask<AuditAnswer>(`/audit?${new URLSearchParams(parts).toString()}`);
        if (asked !== wanted.current) return;
        setAnswer(before ? { ...page, events: [...before.events, ...page.events] } : page);
        setFailure(null);
      } catch (error) {
        if (asked === wanted.current) setFailure(messageOf(error));
      }
    },
    [session, filter],
  );
  useEffect(() => {
    wanted.current += 1;
    setIsAtTop(true);
    void load(null);
  }, [load]);
  useEffect(() => {
    if (!follows || !isAtTop) return undefined;
    const timer = setInterval(() => document.visibilityState === 'visible' && void load(null), FOLLOW_EVERY_MS);
    return () => clearInterval(timer);
  }, [load, follows, isAtTop]);
  const older = async (): Promise<void> => {
    wanted.current += 1;
    setIsAtTop(false);
    await load(answer);
  };
  return { answer, failure, isAtTop, older };
}
