import { type FormEvent, useEffect, useMemo, useState } from 'react';
import { useArrival } from '../app/arrival.js';
import { messageOf } from './api.js';
import { type Draft, type FeedForm, type ObjectTypes, readDraft } from './draft.js';
import { useFocusOnFault } from './focus-on-fault.js';
import { useSession } from './session.js';
import { useTask } from './task.js';
import { ValueField } from './value-field.js';

interface Forms {
  readonly feeds: readonly FeedForm[];
  readonly types: ObjectTypes;
}

/** A form for each feed, made from the feed's type. @param subject the viewer to publish to */
export function Publish({ subject }: { readonly subject: string }) {
  const { forms, failure } = useForms();
  const [topic, setTopic] = useState<string | null>(null);
  const form = forms?.feeds.find((feed) => feed.topic === topic) ?? forms?.feeds[0];
  return (
    <>
      <header className="view-header">
        <h1 ref={useArrival()} tabIndex={-1}>
          Publish
        </h1>
        <p className="muted">One event to one viewer, with the checks of POST /publish.</p>
      </header>
      {failure && (
        <p className="error" role="alert">
          {failure}
        </p>
      )}
      {forms && !form && (
        <p className="notice">
          Your key is not allowed to publish. It needs the scope publish, or publish:&lt;topic&gt;.
        </p>
      )}
      {forms && form && (
        <div className="card stack">
          <div className="field">
            <label htmlFor="topic">Topic</label>
            <select id="topic" value={form.topic} onChange={(event) => setTopic(event.target.value)}>
              {forms.feeds.map((feed) => (
                <option key={feed.topic}>{feed.topic}</option>
              ))}
            </select>
            {form.description && <p className="hint">What a viewer sees: {form.description}</p>}
          </div>
          <EventForm key={form.topic} form={form} types={forms.types} subject={subject} />
        </div>
      )}
    </>
  );
}

interface Props {
  readonly form: FeedForm;
  readonly types: ObjectTypes;
  readonly subject: string;
}

function EventForm({ form: { topic, payload: shape, defaulted }, types, subject }: Props) {
  const session = useSession();
  const task = useTask();
  const [viewer, setViewer] = useState(subject);
  const [draft, setDraft] = useState<Draft>(undefined);
  const [ownFaults, setOwnFaults] = useState<Readonly<Record<string, string>>>({});
  const [done, setDone] = useState('');
  const { value, faults } = readDraft(draft, shape, types, defaulted);
  const shown = useMemo(() => ({ ...ownFaults, ...task.faults }), [ownFaults, task.faults]);
  const place = useFocusOnFault(shown);
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    setDone('');
    setOwnFaults(faults);
    if (Object.keys(faults).length > 0) return;
    await task.run(async () => {
      const { cursor } = await session.ask<{ readonly cursor: string }>('/publish', { topic, viewer, payload: value });
      setDone(`Published at cursor ${cursor}.`);
    });
  };
  return (
    <form ref={place} className="form event-form" onSubmit={(event) => void submit(event)}>
      <ValueField
        label="viewer"
        description="A viewer id, such as user:…"
        shape={{ kind: 'scalar', name: 'ID', required: true }}
        draft={viewer}
        types={types}
        path="viewer"
        faults={shown}
        onChange={(text) => setViewer(typeof text === 'string' ? text : '')}
      />
      <ValueField
        label="payload"
        shape={shape}
        draft={draft}
        types={types}
        path="payload"
        faults={shown}
        defaulted={defaulted}
        onChange={setDraft}
      />
      <details>
        <summary>What is sent</summary>
        <pre>{JSON.stringify({ topic, viewer, payload: value }, null, 2)}</pre>
      </details>
      {task.failure && !hasPlace(task.field, shape, types) && (
        <p className="error" role="alert">
          {task.failure}
        </p>
      )}
      <button type="submit" className="button primary" aria-busy={task.isRunning}>
        Publish
      </button>
      <output className="done">{done}</output>
    </form>
  );
}

/** Whether the form shows a fault of this field next to it. */
function hasPlace(field: string | null, shape: FeedForm['payload'], types: ObjectTypes): boolean {
  const fields = shape.kind === 'object' ? (types[shape.type] ?? []) : [];
  return field === 'viewer' || field === 'payload' || fields.some(({ name }) => field === `payload.${name}`);
}

function useForms(): { readonly forms: Forms | null; readonly failure: string | null } {
  const session = useSession();
  const [forms, setForms] = useState<Forms | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    session.ask<Forms>('/feeds').then(setForms, (error: unknown) => setFailure(messageOf(error)));
  }, [session]);
  return { forms, failure };
}
