import { Inject, Injectable } from '@nestjs/common';
import { HTTP_CONFIG, type HttpConfig } from '../identity.config.js';
import { SESSION_CONFIG, type SessionConfig } from '../identity.config.js';
import { hash, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;
/** 32 bytes in base64url, without padding (RFC 4648 §5). */
const SECRET_TEXT = /^[A-Za-z0-9_-]{43}$/;

/** Draws the 256 bits that a session's cookie carries. Nothing but the cookie ever holds them. */
export function generateSessionSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** Whether text from outside has a secret's form. */
function isSessionSecret(text: string): boolean {
  return SECRET_TEXT.test(text);
}

/** What is stored of a secret and looked up: its SHA-256. 256 random bits need no salt and no slow hash. */
export function sessionSecretHash(secret: string): string {
  return hash('sha256', secret, 'base64url');
}

const NAME = 'sallyport';
/** Browsers send 4 KiB a cookie and some hundred cookies; a longer header is not worth reading. */
const MAX_HEADER_LENGTH = 16_384;

/**
 * The session's cookie: HttpOnly, SameSite=Lax, Path=/, no Domain. Where people use https it is Secure and has the
 * `__Host-` prefix, so that no sibling domain can plant one (RFC 6265bis §4.1.3); on plain http it has another name.
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

  /** The secret in a `Cookie` header, or null where there is none of a secret's form. */
  read(header: string | undefined): string | null {
    if (!header || header.length > MAX_HEADER_LENGTH) return null;
    const prefix = `${this.#name}=`;
    const pair = header.split(';').find((part) => part.trimStart().startsWith(prefix));
    const value = pair?.trim().slice(prefix.length) ?? '';
    return isSessionSecret(value) ? value : null;
  }

  /** The `Set-Cookie` value that hands out a secret; the browser drops it at the session's absolute limit. */
  serialise(secret: string): string {
    return `${this.#name}=${secret}; ${this.#attributes}; Max-Age=${this.#maxAgeSeconds}`;
  }

  /** The `Set-Cookie` value that takes it away again, with the same name and attributes. */
  clear(): string {
    return `${this.#name}=; ${this.#attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`;
  }
}
