import { createLiveClient, type LiveClient, type LiveState } from '../../client/index.js';
import { Store } from '../app/store.js';

/** The page's one connection, and what it tells. */
export class LiveConnection {
  readonly state = new Store<LiveState>('idle');
  /** Since when the connection is lost, in ms since the epoch; null while it is not. */
  readonly lostAt = new Store<number | null>(null);
  readonly client: LiveClient;
  /** Set by the backend: the connection is there, or there again. */
  onLive: () => void = () => {};
  /** Set by the auth store: the server says that the session has ended. */
  onSignedOut: () => void = () => {};
  /** Set by the owner of the feeds: notifications were missed for good. */
  onGap: () => void = () => {};

  constructor() {
    this.client = createLiveClient({
      onState: (state) => this.#become(state),
      onSignedOut: () => this.onSignedOut(),
      onGap: ({ payload }) => {
        if (payload.query.includes('notifications')) this.onGap();
      },
    });
  }

  #become(state: LiveState): void {
    const lost = state === 'reconnecting' || state === 'offline';
    this.lostAt.set(lost ? (this.lostAt.value ?? Date.now()) : null);
    this.state.set(state);
    if (state === 'live') this.onLive();
  }
}
