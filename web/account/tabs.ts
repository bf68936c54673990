const CHANNEL = 'sallyport-account';

/** Tells this browser's other tabs that somebody has signed in or out. Carries no data: whoever hears it asks the server. */
export class Tabs {
  readonly #channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(CHANNEL);

  constructor(onChange: () => void) {
    if (this.#channel) this.#channel.onmessage = onChange;
  }

  tell(): void {
    this.#channel?.postMessage('changed');
  }
}
