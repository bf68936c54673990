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
  /** How many of them, from the end, have not been read. */
  readonly unread: number;
  /** True after the server could not send everything that was missed. */
  readonly gap: boolean;
}

/** How much is kept. */
export const KEPT = { counts: 60, notifications: 100 } as const;

/** The screen is told at most this often, however fast values come. */
const SHOW_EVERY_MS = 50;
const EMPTY: FeedsView = { counts: [], notifications: [], unread: 0, gap: false };

/** Up to which notification this browser's user has read: kept over a reload, forgotten at sign-out. */
const READ_UP_TO = 'sallyport-read-up-to';
const NO_ERRORS = { error: () => {} };

/** What one member receives, bounded. Values bypass Apollo's cache, which would keep every one of them for ever. */
export class Feeds {
  readonly store = new Store<FeedsView>(EMPTY);
  #view = EMPTY;
  #counts: { unsubscribe(): void } | undefined;
  #notifications: { unsubscribe(): void } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly apollo: ApolloClient) {}

  /** Subscribes to both feeds. A second call starts afresh, and keeps what has come. */
  start(): void {
    this.stop();
    this.#counts = this.apollo
      .subscribe({ query: USER_COUNT, fetchPolicy: 'no-cache' })
      .subscribe({ next: ({ data }) => data && this.#count(data.userCount), ...NO_ERRORS });
    this.#followNotifications();
  }

  stop(): void {
    this.#counts?.unsubscribe();
    this.#notifications?.unsubscribe();
    this.#counts = this.#notifications = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Forgets everything: the next member must not see it. */
  clear(): void {
    this.stop();
    this.#view = EMPTY;
    this.store.set(EMPTY);
    remember(READ_UP_TO, null);
  }

  markRead(): void {
    remember(READ_UP_TO, this.#view.notifications.at(-1)?.id ?? null);
    this.#change({ unread: 0, gap: false });
  }

  /** Notifications were missed for good: says so, and asks for what the server still has of them. */
  noteGap(): void {
    this.#change({ gap: true });
    // Not from within the delivery of the event that told of it.
    setTimeout(() => this.#notifications && this.#followNotifications(), 0);
  }

  /** A new subscription begins with what the server keeps, whether it has come before or not. */
  #followNotifications(): void {
    this.#notifications?.unsubscribe();
    this.#notifications = this.apollo
      .subscribe({ query: NOTIFICATIONS, fetchPolicy: 'no-cache' })
      .subscribe({ next: ({ data }) => data && this.#notify(data.notifications), ...NO_ERRORS });
  }

  #count(value: number): void {
    this.#change({ counts: appended(this.#view.counts, { at: Date.now() / 1000, value }, KEPT.counts) });
  }

  /** One that is there already moves to the end: the server sends them in order, and all the newer ones after it. */
  #notify(notification: Notification): void {
    const others = this.#view.notifications.filter(({ id }) => id !== notification.id);
    const notifications = appended(others, notification, KEPT.notifications);
    const readUpTo = recall(READ_UP_TO);
    const read = notifications.findLastIndex(({ id }) => id === readUpTo) + 1;
    this.#change({ notifications, unread: notifications.length - read });
  }

  #change(part: Partial<FeedsView>): void {
    this.#view = { ...this.#view, ...part };
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.store.set(this.#view);
    }, SHOW_EVERY_MS);
  }
}

function recall(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Where the browser refuses to keep anything, everything is unread after a reload. */
function remember(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Nothing to do: it is a convenience.
  }
}
