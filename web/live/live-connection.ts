import { createLiveClient, type LiveClient, type LiveState } from '../../client/index.js';
import { Store } from '../app/store.js';

/** The page's connection and its state. */
export class LiveConnection {
  readonly state = new Store<LiveState>('idle');
  /** Since when the connection is lost, in ms since the epoch; null while it is open. */
  readonly lostAt = new Store<number | null>(null);
  readonly client: LiveClient;
  /** Called when the connection is open, also after a reconnect. This and the next two are set by the backend. */
  onLive: () => void = () => {};
  /** Called when the server says that the session has ended. */
  onSignedOut: () => void = () => {};
  /** Called when notifications were lost. */
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
