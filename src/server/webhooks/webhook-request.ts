import { createHmac } from 'node:crypto';
import type { ViewerId } from '../../live/viewer/viewer.js';

/** What a webhook tells. */
export type WebhookType = 'viewer.online' | 'viewer.offline';

/** One webhook, as the receiver gets it. */
export interface Webhook {
  /** The same for each attempt, so that a receiver can drop repetitions. */
  readonly id: string;
  readonly type: WebhookType;
  readonly viewer: ViewerId;
  /** When it happened. */
  readonly createdAt: Date;
}

/** The body and the headers of one attempt. */
export interface WebhookRequest {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What precedes a webhook's id in the header `webhook-id`. */
export const WEBHOOK_ID_PREFIX = 'msg_';

/**
 * Writes and signs a webhook as Standard Webhooks 1.0.0 defines it: HMAC-SHA256 over id, time of the attempt and body,
 * with each key.
 *
 * @param secrets the keys in base64
 * @param sentAtSeconds the time of this attempt, in seconds since the epoch
 */
export function webhookRequest(webhook: Webhook, secrets: readonly string[], sentAtSeconds: number): WebhookRequest {
  const { type, viewer, createdAt } = webhook;
  const id = `${WEBHOOK_ID_PREFIX}${webhook.id}`;
  const body = JSON.stringify({ type, timestamp: createdAt.toISOString(), data: { viewer } });
  const signed = `${id}.${sentAtSeconds}.${body}`;
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret, 'base64');
    return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
  });
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'Sallyport',
      'webhook-id': id,
      'webhook-timestamp': String(sentAtSeconds),
      'webhook-signature': signatures.join(' '),
    },
  };
}
