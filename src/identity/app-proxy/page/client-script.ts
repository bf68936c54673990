import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Injectable } from '@nestjs/common';

const BUILT = new URL('../../../../client/dist/sallyport-live.js', import.meta.url);

/** The client package built for a `<script>` tag, under a name that changes with its content. */
@Injectable()
export class ClientScript {
  #loaded: { readonly body: Buffer; readonly path: string } | undefined;

  /** The script's text. Throws, and names the remedy, where it has not been built. */
  get body(): Buffer {
    return this.#load().body;
  }

  /** Where it is served, such as `/live/sallyport-live.5Rk2…js`. */
  get path(): string {
    return this.#load().path;
  }

  #load() {
    this.#loaded ??= read();
    return this.#loaded;
  }
}

function read() {
  try {
    const body = readFileSync(BUILT);
    const digest = hash('sha256', body, 'base64url').slice(0, 16);
    return { body, path: `/live/sallyport-live.${digest}.js` };
  } catch (error) {
    throw new Error('client/dist/sallyport-live.js is missing: run npm run build.', { cause: error });
  }
}
