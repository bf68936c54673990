import { Injectable } from '@nestjs/common';
import { Presence } from '../live/presence/presence.js';
import { Publisher } from '../live/publish/publisher.service.js';
import { TokenRevocations } from '../live/sessions/token-revocations.js';
import { SessionTokens } from './session-tokens.js';

/** What {@link Sallyport} calls. All of it needs the application's options. */
@Injectable()
export class SallyportServices {
  constructor(
    readonly tokens: SessionTokens,
    readonly publisher: Publisher,
    readonly revocations: TokenRevocations,
    readonly presences: Presence,
  ) {}
}

/**
 * The services, once they are created. `Sallyport` gets them from here and not from Nest: a provider that the options
 * need, such as the service that keeps sessions, may inject `Sallyport`, and so be needed by what it injects.
 */
@Injectable()
export class LateServices {
  #created: SallyportServices | null = null;
  #resolve!: (services: SallyportServices) => void;
  readonly #later = new Promise<SallyportServices>((resolve) => (this.#resolve = resolve));

  /** Called once, while the application starts. */
  set(services: SallyportServices): void {
    this.#created = services;
    this.#resolve(services);
  }

  /** Not a promise once they are created, so that a caller of `publish` may change the payload afterwards. */
  get(): SallyportServices | Promise<SallyportServices> {
    return this.#created ?? this.#later;
  }
}
