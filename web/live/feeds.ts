import type { ApolloClient } from '@apollo/client';
import { Store } from '../app/store.js';
import { NOTIFICATIONS, USER_COUNT, type Notification } from '../graphql/operations.js';
import { appended } from './ring.js';

/** One value of the user count and when it came, in s since the epoch. */
export interface CountPoint {
  readonly at: number;
  readonly value: number;
}

/** Everything that has come and is still kept. */
export interface FeedsView {
  readonly counts: readonly CountPoint[];
  /** Newest last, each id once. */
  readonly notifications: readonly Notification[];
  /** How many of them, from the end, nobody has read. */
  readonly unread: number;
  /** True after the server could not send everything that was missed. */
  readonly gap: boolean;
}

/** How much is kept. */
export const KEPT = { counts: 60, notifications: 100 } as const;

/** The screen is told at most this often, however fast values come. */
const SHOW_EVERY_MS = 50;
const EMPTY: FeedsView = { counts: [], notifications: [], unread: 0, gap: false };

/** What one member receives, bounded. Values bypass Apollo's cache, which would keep every one of them for ever. */
export class Feeds {
  readonly store = new Store<FeedsView>(EMPTY);
  #view = EMPTY;
  #subscriptions: { unsubscribe(): void }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly apollo: ApolloClient) {}

  /** Subscribes to both feeds. A second call starts afresh, and keeps what has come. */
  start(): void {
    this.stop();
    const ignore = { error: () => {} };
    this.#subscriptions = [
      this.apollo
        .subscribe({ query: USER_COUNT, fetchPolicy: 'no-cache' })
        .subscribe({ next: ({ data }) => data && this.#count(data.userCount), ...ignore }),
      this.apollo
        .subscribe({ query: NOTIFICATIONS, fetchPolicy: 'no-cache' })
        .subscribe({ next: ({ data }) => data && this.#notify(data.notifications), ...ignore }),
    ];
  }

  stop(): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Forgets everything: the next member must not see it. */
  clear(): void {
    this.stop();
    this.#view = EMPTY;
    this.store.set(EMPTY);
  }

  markRead(): void {
    this.#change({ unread: 0, gap: false });
  }

  /** Events were missed for good. */
  noteGap(): void {
    this.#change({ gap: true });
  }

  #count(value: number): void {
    this.#change({ counts: appended(this.#view.counts, { at: Date.now() / 1000, value }, KEPT.counts) });
  }

  #notify(notification: Notification): void {
    const { notifications, unread } = this.#view;
    if (notifications.some(({ id }) => id === notification.id)) return;
    this.#change({
      notifications: appended(notifications, notification, KEPT.notifications),
      unread: Math.min(unread + 1, KEPT.notifications),
    });
  }

  #change(part: Partial<FeedsView>): void {
    this.#view = { ...this.#view, ...part };
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.store.set(this.#view);
    }, SHOW_EVERY_MS);
  }
}
