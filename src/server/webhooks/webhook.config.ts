/** Where webhooks are sent. */
export interface WebhookConfig {
  /** Null: no webhooks. */
  readonly url: string | null;
  /** The keys that sign each message, as bytes in base64; several while a key is replaced. */
  readonly secrets: readonly string[];
}

/** Injection token of the {@link WebhookConfig}. */
export const WEBHOOK_CONFIG = Symbol('WEBHOOK_CONFIG');

const PREFIX = 'whsec_';
const MIN_BYTES = 24;
const MAX_BYTES = 64;

/**
 * Parses a signing key as Standard Webhooks serialises it: `whsec_` and 24 to 64 bytes in base64.
 *
 * @returns the base64 without the prefix; null if it is none
 */
export function parseWebhookSecret(text: string): string | null {
  const base64 = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : '';
  const bytes = Buffer.from(base64, 'base64');
  const isCanonical = bytes.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '');
  return isCanonical && bytes.length >= MIN_BYTES && bytes.length <= MAX_BYTES ? base64 : null;
}
