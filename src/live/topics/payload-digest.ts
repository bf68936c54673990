import { hash } from 'node:crypto';

/** What tells two payloads under one idempotency key apart: SHA-256 of the JSON, 43 characters without a space. */
export function payloadDigest(payload: unknown): string {
  return hash('sha256', JSON.stringify(payload) ?? 'null', 'base64url');
}
