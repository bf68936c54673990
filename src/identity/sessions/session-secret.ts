import { hash, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;
/** 32 bytes in base64url, without padding (RFC 4648 §5). */
const SECRET_TEXT = /^[A-Za-z0-9_-]{43}$/;

/** Draws the 256 bits that a session's cookie carries. Nothing but the cookie ever holds them. */
export function generateSessionSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** Whether text from outside has a secret's form. */
export function isSessionSecret(text: string): boolean {
  return SECRET_TEXT.test(text);
}

/** What is stored of a secret and looked up: its SHA-256. 256 random bits need no salt and no slow hash. */
export function sessionSecretHash(secret: string): string {
  return hash('sha256', secret, 'base64url');
}
