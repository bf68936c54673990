import { Inject, Injectable } from '@nestjs/common';
import { HTTP_CONFIG, type HttpConfig } from '../../identity/identity.config.js';
import { clearedCookie, cookieValues } from '../../identity/sessions/cookie-values.js';
import { isSessionSecret } from '../../identity/sessions/session-cookie.js';
import { CONSOLE_SESSION_SECONDS } from './console-session.store.js';

/** What the browser sends the cookie with: the console, and neither the app nor `/graphql`. */
const PATH = '/console';
const NAME = 'sallyport-console';

/**
 * The cookie of a console session: HttpOnly, SameSite=Strict, only for `/console`. With https it is Secure and named
 * `__Secure-…`; the prefix `__Host-` would need the path `/`, and the cookie would then be sent to the app as well.
 */
@Injectable()
export class ConsoleCookie {
  readonly #name: string;
  readonly #attributes: string;

  constructor(@Inject(HTTP_CONFIG) { secure }: HttpConfig) {
    this.#name = secure ? `__Secure-${NAME}` : NAME;
    this.#attributes = `Path=${PATH}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
  }

  /**
   * The secret in a `Cookie` header; null if there is none in the right form. Two cookies of this name are none: one of
   * them was set by another host of this domain.
   */
  read(header: string | undefined): string | null {
    const [value, ...others] = cookieValues(header, this.#name);
    return value !== undefined && others.length === 0 && isSessionSecret(value) ? value : null;
  }

  /** The `Set-Cookie` value that sets a secret. */
  serialise(secret: string): string {
    return `${this.#name}=${secret}; ${this.#attributes}; Max-Age=${CONSOLE_SESSION_SECONDS}`;
  }

  /** The `Set-Cookie` value that clears it. */
  clear(): string {
    return clearedCookie(this.#name, this.#attributes);
  }
}
