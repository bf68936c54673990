import { useArrival } from '../app/arrival.js';
import { useBackend } from '../app/backend.js';
import { useStore } from '../app/store.js';
import { NotificationList } from './notification-list.js';
import { UserCount } from './user-count.js';

/** The number and the notifications, as they are published. */
export function LiveView({ userId }: { readonly userId: string }) {
  const { feeds } = useBackend();
  const view = useStore(feeds.store);
  return (
    <>
      <h1 ref={useArrival()} tabIndex={-1} className="hidden">
        Live
      </h1>
      <div className="live">
        <UserCount counts={view.counts} />
        <NotificationList {...view} userId={userId} onRead={() => feeds.markRead()} />
      </div>
    </>
  );
}
