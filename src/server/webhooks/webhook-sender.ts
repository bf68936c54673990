import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { LOGGER } from '../../live/logging/logger.js';
import { WEBHOOK_CONFIG, type WebhookConfig } from './webhook.config.js';
import { type ClaimedWebhook, WebhookMessages } from './webhook-message.store.js';
import { webhookRequest } from './webhook-request.js';
import { WebhookMetrics } from './webhook.metrics.js';

/** How often each node looks for messages that are due, in milliseconds. */
const LOOK_EVERY_MS = 500;
/** How often messages that were given up are swept, in milliseconds. */
const SWEEP_EVERY_MS = 300_000;
/** Messages that one node sends at the same time. */
const AT_ONCE = 20;
/** How long a receiver may take to answer, in milliseconds. */
const REQUEST_TIMEOUT_MS = 15_000;
/** The waits after failed attempts, in seconds, each varied by a fifth; after the last one a message is given up. */
export const RETRY_AFTER_SECONDS = [5, 30, 120, 600, 1_800, 7_200, 21_600] as const;

/** The outcome of one attempt: null, or why it failed. */
type Failure = string | null;

/** Sends the webhooks that are due, from every node; each message from one node at a time. */
@Injectable()
export class WebhookSender implements BeforeApplicationShutdown {
  readonly #stop = new AbortController();
  /** The attempts under way. */
  readonly #running = new Set<AbortController>();
  #timers: NodeJS.Timeout[] = [];
  #sending: Promise<void> | null = null;
  /** Whether the last attempt failed: logged once until one succeeds. */
  #isFailing = false;

  constructor(
    private readonly messages: WebhookMessages,
    private readonly metrics: WebhookMetrics,
    @Inject(WEBHOOK_CONFIG) private readonly config: WebhookConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Called once, if webhooks are sent. */
  start(url: string): void {
    this.metrics.watch(this.messages);
    this.#timers = [
      setInterval(() => void (this.#sending ??= this.#sendAll(url)), LOOK_EVERY_MS).unref(),
      setInterval(() => void this.messages.sweep().catch(() => {}), SWEEP_EVERY_MS).unref(),
    ];
  }

  /** Aborts attempts in progress. Their messages are due again at once, here after a restart or on another node. */
  async beforeApplicationShutdown(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#stop.abort();
    for (const attempt of this.#running) attempt.abort();
    await this.#sending;
  }

  async #sendAll(url: string): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) {
        const claimed = await this.messages.claim(AT_ONCE);
        await this.#send(url, claimed);
        if (claimed.length < AT_ONCE) return;
      }
    } catch (error) {
      if (!(error instanceof UnavailableError)) this.logger.error({ err: error }, 'webhooks: sending failed');
    } finally {
      this.#sending = null;
    }
  }

  async #send(url: string, claimed: readonly ClaimedWebhook[]): Promise<void> {
    const failures = await Promise.all(claimed.map((webhook) => this.#attempt(url, webhook)));
    const delivered = claimed.filter((_, index) => failures[index] === null);
    await this.messages.delivered(delivered.map(({ seq }) => seq));
    this.metrics.count('delivered', delivered.length);
    if (this.#stop.signal.aborted) {
      const aborted = claimed.filter((_, index) => failures[index] !== null);
      return this.messages.release(aborted.map(({ seq }) => seq));
    }
    for (const [index, webhook] of claimed.entries()) {
      const failure = failures[index] ?? null;
      if (failure !== null) await this.#failed(url, webhook, failure);
    }
    if (delivered.length > 0) this.#isFailing = false;
  }

  /** Any answer but 2xx is a failure, redirects included (Standard Webhooks 1.0.0). */
  async #attempt(url: string, webhook: ClaimedWebhook): Promise<Failure> {
    const { body, headers } = webhookRequest(webhook, this.config.secrets, Math.floor(Date.now() / 1000));
    // Not `AbortSignal.any`, of which the signal to stop would keep something for each attempt.
    const attempt = new AbortController();
    if (this.#stop.signal.aborted) attempt.abort();
    this.#running.add(attempt);
    const timer = setTimeout(() => attempt.abort(new DOMException('No answer', 'TimeoutError')), REQUEST_TIMEOUT_MS);
    try {
      const { signal } = attempt;
      const response = await fetch(url, { method: 'POST', body, headers, redirect: 'manual', signal });
      await response.body?.cancel();
      return response.ok ? null : `status ${response.status}`;
    } catch (error) {
      return reasonOf(error);
    } finally {
      clearTimeout(timer);
      this.#running.delete(attempt);
    }
  }

  async #failed(url: string, { seq, attempts, id }: ClaimedWebhook, failure: string): Promise<void> {
    const waitSeconds = RETRY_AFTER_SECONDS[attempts - 1];
    const retryAfterSeconds = waitSeconds === undefined ? null : waitSeconds * (0.8 + 0.4 * Math.random());
    await this.messages.failed(seq, failure, retryAfterSeconds);
    this.metrics.count(retryAfterSeconds === null ? 'given-up' : 'failed', 1);
    // The path of the URL may be a secret of the receiver.
    const { host } = new URL(url);
    if (retryAfterSeconds === null)
      this.logger.warn({ host, id, failure }, 'a webhook is given up after its last attempt');
    else if (!this.#isFailing) this.logger.warn({ host, failure }, 'webhooks are not accepted: trying again');
    this.#isFailing = true;
  }
}

/** A code or a name: never a URL. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = (error.cause ?? {}) as { readonly code?: unknown };
  if (typeof code === 'string') return code;
  return error.name === 'TimeoutError' ? 'no answer' : error.name;
}
