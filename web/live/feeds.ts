import type { ApolloClient } from '@apollo/client';
import { Store } from '../app/store.js';
import { NOTIFICATIONS, USER_COUNT, type Notification } from '../graphql/operations.js';
import { appended } from './ring.js';

/** One value of the user count and when it was received, in s since the epoch. */
export interface CountPoint {
  readonly at: number;
  readonly value: number;
}

/** The received values that are kept. */
export interface FeedsView {
  readonly counts: readonly CountPoint[];
  /** Newest last, each id once. */
  readonly notifications: readonly Notification[];
  /** How many of the newest have not been read. */
  readonly unread: number;
  /** True after the server could not send all missed notifications. */
  readonly gap: boolean;
}

/** How many values are kept. */
export const KEPT = { counts: 60, notifications: 100 } as const;

/** The shortest time between two updates of the page, in ms. */
const SHOW_EVERY_MS = 50;
const EMPTY: FeedsView = { counts: [], notifications: [], unread: 0, gap: false };

/** The key of the last read notification: kept over a reload, removed at sign-out. */
const READ_UP_TO = 'sallyport-read-up-to';
const NO_ERRORS = { error: () => {} };

/**
 * The values that a user receives, in bounded memory. They bypass Apollo's cache, which would keep all of them forever.
 */
export class Feeds {
  readonly store = new Store<FeedsView>(EMPTY);
  #view = EMPTY;
  #counts: { unsubscribe(): void } | undefined;
  #notifications: { unsubscribe(): void } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly apollo: ApolloClient) {}

  /** Subscribes to both feeds. A second call subscribes again and keeps the received values. */
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

  /** Deletes the received values, so that the next user does not see them. */
  clear(): void {
    this.stop();
    this.#view = EMPTY;
    this.store.set(EMPTY);
  }

  /** The user has signed out: forgets what was read. */
  forgetRead(): void {
    remember(READ_UP_TO, null);
  }

  markRead(): void {
    remember(READ_UP_TO, this.#view.notifications.at(-1)?.id ?? null);
    this.#change({ unread: 0, gap: false });
  }

  /** Notifications were lost: shows this, and loads those that the server still has. */
  noteGap(): void {
    this.#change({ gap: true });
    // Not during the delivery of the event that reported it.
    setTimeout(() => this.#notifications && this.#followNotifications(), 0);
  }

  /** A new subscription starts with the server's history, including notifications that were received before. */
  #followNotifications(): void {
    this.#notifications?.unsubscribe();
    this.#notifications = this.apollo
      .subscribe({ query: NOTIFICATIONS, fetchPolicy: 'no-cache' })
      .subscribe({ next: ({ data }) => data && this.#notify(data.notifications), ...NO_ERRORS });
  }

  #count(value: number): void {
    this.#change({ counts: appended(this.#view.counts, { at: Date.now() / 1000, value }, KEPT.counts) });
  }

  /** A notification that is already there moves to the end, because the server sends it and all newer ones in order. */
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

/** If the browser refuses storage, everything is unread after a reload. */
function remember(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Ignored: this is only a convenience.
  }
}
