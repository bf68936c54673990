import { useState } from 'react';
import { useScope, useSession } from './session.js';
import { useTask } from './task.js';

/** A viewer's topic of one feed. */
export interface TopicState {
  readonly topic: string;
  readonly field: string;
  readonly events: number;
  readonly isWhole: boolean;
  readonly cursor: string | null;
}

interface ShownEvent {
  readonly cursor: string;
  readonly payload: unknown;
}

interface Props {
  readonly viewer: string;
  readonly topics: readonly TopicState[];
}

/** The viewer's topics with their last cursors; the events themselves on demand. */
export function TopicTable({ viewer, topics }: Props) {
  return (
    <section className="card" aria-labelledby="topics-title">
      <h2 id="topics-title">Topics</h2>
      <ul className="list">
        {topics.map((topic) => (
          <TopicRow key={topic.topic} viewer={viewer} topic={topic} />
        ))}
      </ul>
    </section>
  );
}

function TopicRow({
  viewer,
  topic: { topic, events, isWhole, cursor },
}: {
  readonly viewer: string;
  readonly topic: TopicState;
}) {
  const session = useSession();
  const mayRead = useScope('history');
  const [shown, setShown] = useState<readonly ShownEvent[] | null>(null);
  const task = useTask();
  const show = async (): Promise<void> => {
    const answer = await session.ask<{ readonly events: readonly ShownEvent[] }>('/viewer/events', { viewer, topic });
    setShown(answer.events);
  };
  return (
    <li>
      <div className="list-row">
        <div>
          <strong>{topic}</strong>
          <p className="muted">
            {events === 0 && 'No event in its history.'}
            {events > 0 &&
              `${isWhole ? '' : 'more than '}${events} in its history, ${isWhole ? 'the last' : 'one of them'} at `}
            {cursor && <code>{cursor}</code>}
          </p>
        </div>
        {mayRead && events > 0 && (
          <button
            type="button"
            className={shown ? 'button quiet' : 'button'}
            aria-label={`${shown ? 'Hide' : 'Show'} events: ${topic}`}
            aria-busy={task.isRunning}
            onClick={() => (shown ? setShown(null) : void task.run(show))}
          >
            {shown ? 'Hide' : 'Show events'}
          </button>
        )}
      </div>
      {task.failure && (
        <p className="error" role="alert">
          {task.failure}
        </p>
      )}
      {shown && (
        <ol className="events" aria-label={`Newest events of ${topic}`}>
          {shown.map((event) => (
            <li key={event.cursor}>
              <code className="muted">{event.cursor}</code>
              <pre>{JSON.stringify(event.payload, null, 2)}</pre>
            </li>
          ))}
        </ol>
      )}
    </li>
  );
}
