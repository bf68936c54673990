import { memo, useEffect, useRef } from 'react';
import { focusIfLost } from '../app/arrival.js';
import type { Notification } from '../graphql/operations.js';
import { KEPT, type FeedsView } from './feeds.js';
import { HowToNotify } from './how-to-notify.js';

interface Props extends Pick<FeedsView, 'notifications' | 'unread' | 'gap'> {
  readonly userId: string;
  readonly onRead: () => void;
}

/** The server's history and later notifications, newest first. */
export function NotificationList({ notifications, unread, gap, userId, onRead }: Props) {
  const title = useRef<HTMLHeadingElement>(null);
  const hasPressed = useRef(false);
  useEffect(() => {
    // The button is gone.
    if (hasPressed.current && unread === 0) focusIfLost(title.current);
    hasPressed.current = false;
  }, [unread]);
  const firstUnread = notifications.length - unread;
  const rows = notifications.map((item, index) => <Row key={item.id} item={item} unread={index >= firstUnread} />);
  return (
    <section className="card notifications" aria-labelledby="notifications-title">
      <header className="card-header">
        <h2 id="notifications-title" ref={title} tabIndex={-1}>
          Notifications
        </h2>
        <output className="unread" data-testid="unread">
          {unread > 0 && <span className="badge">{unread} unread</span>}
        </output>
        {unread > 0 && (
          <button
            type="button"
            className="button quiet"
            onClick={() => {
              hasPressed.current = true;
              onRead();
            }}
          >
            Mark all as read
          </button>
        )}
      </header>
      {gap && (
        <p className="notice" role="alert">
          The connection was lost for longer than the server keeps notifications. Some are missing here.
        </p>
      )}
      {rows.length === 0 ? <HowToNotify userId={userId} /> : <ol className="rows">{rows.toReversed()}</ol>}
      {rows.length === KEPT.notifications && <p className="muted">Older notifications are not shown.</p>}
    </section>
  );
}

const Row = memo(function Row({ item, unread }: { readonly item: Notification; readonly unread: boolean }) {
  return (
    <li className="row" data-unread={unread}>
      <div className="row-head">
        <strong dir="auto">{item.title}</strong>
        {unread && <span className="hidden">unread</span>}
        <time className="muted" dateTime={item.createdAt}>
          {new Date(item.createdAt).toLocaleTimeString()}
        </time>
      </div>
      {item.body && <p dir="auto">{item.body}</p>}
      <p className="muted row-kind">{item.kind}</p>
    </li>
  );
});
