import { Inject, Injectable } from '@nestjs/common';
import { hash, randomBytes } from 'node:crypto';
import { HTTP_CONFIG, type HttpConfig, SESSION_CONFIG, type SessionConfig } from '../identity.config.js';
import { clearedCookie, cookieValues } from './cookie-values.js';

const SECRET_BYTES = 32;
/** 32 bytes in base64url, without padding (RFC 4648 §5). */
const SECRET_TEXT = /^[A-Za-z0-9_-]{43}$/;

/** Generates the 256 random bits of a session's cookie. They are stored only in the cookie. */
export function generateSessionSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** Whether text from outside has the form of a secret. */
export function isSessionSecret(text: string): boolean {
  return SECRET_TEXT.test(text);
}

/** The stored hash of a secret: its SHA-256. 256 random bits need no salt and no slow hash. */
export function sessionSecretHash(secret: string): string {
  return hash('sha256', secret, 'base64url');
}

const NAME = 'sallyport';

/**
 * The session's cookie: HttpOnly, SameSite=Lax, Path=/, no Domain. With https it is Secure and has the `__Host-`
 * prefix, so that a sibling domain cannot set it (RFC 6265bis §4.1.3); with plain http it has another name.
 */
@Injectable()
export class SessionCookie {
  readonly #name: string;
  readonly #attributes: string;
  readonly #maxAgeSeconds: number;

  constructor(@Inject(HTTP_CONFIG) http: HttpConfig, @Inject(SESSION_CONFIG) session: SessionConfig) {
    this.#name = http.secure ? `__Host-${NAME}` : NAME;
    this.#attributes = `Path=/; HttpOnly; SameSite=Lax${http.secure ? '; Secure' : ''}`;
    this.#maxAgeSeconds = session.absoluteSeconds;
  }

  /** The secret in a `Cookie` header, or null if there is none in the right form. */
  read(header: string | undefined): string | null {
    const [value = ''] = cookieValues(header, this.#name);
    return isSessionSecret(value) ? value : null;
  }

  /** The `Set-Cookie` value that sets a secret; the browser drops it at the session's absolute expiry. */
  serialise(secret: string): string {
    return `${this.#name}=${secret}; ${this.#attributes}; Max-Age=${this.#maxAgeSeconds}`;
  }

  /** The `Set-Cookie` value that clears it, with the same name and attributes. */
  clear(): string {
    return clearedCookie(this.#name, this.#attributes);
  }
}
