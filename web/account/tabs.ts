const CHANNEL = 'sallyport-account';

/** Tells this browser's other tabs about a sign-in or sign-out. It sends no data: each tab asks the server. */
export class Tabs {
  readonly #channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(CHANNEL);

  constructor(onChange: () => void) {
    if (this.#channel) this.#channel.onmessage = onChange;
  }

  tell(): void {
    this.#channel?.postMessage('changed');
  }
}
