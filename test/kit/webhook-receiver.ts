import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';
import { Webhook as Verifier } from 'standardwebhooks';

/** A delivery attempt with a valid signature. */
export interface Received {
  readonly id: string;
  readonly type: string;
  readonly viewer: string;
  /** The path that it was sent to. */
  readonly path: string;
}

/** A backend that receives webhooks and verifies them with the library of Standard Webhooks. */
export class WebhookReceiver {
  readonly secret = `whsec_${randomBytes(32).toString('base64')}`;
  readonly all: Received[] = [];
  readonly #answers = new Map<string, (attempt: Received) => number | null>();
  /** The number of attempts with an invalid signature or format. */
  invalid = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<WebhookReceiver> {
    const server = createServer();
    const receiver = new WebhookReceiver(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const attempt = receiver.#verify(Buffer.concat(chunks).toString(), request);
        const status = attempt ? receiver.#statusFor(attempt) : 400;
        if (attempt) receiver.all.push(attempt);
        if (status !== null) response.writeHead(status, { location: '/elsewhere' }).end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hooks`;
  }

  /** Settings with which a server sends its webhooks here. */
  get env(): { readonly WEBHOOK_URL: string; readonly WEBHOOK_SECRET: string } {
    return { WEBHOOK_URL: this.url, WEBHOOK_SECRET: this.secret };
  }

  /**
   * Sets the response status for attempts about one viewer, null for no response at all; all others get 204. Called for
   * each attempt before it is recorded.
   */
  answer(viewer: string, status: (attempt: Received) => number | null): void {
    this.#answers.set(viewer, status);
  }

  /** Returns the types of the webhooks about one viewer, in order. */
  typesOf(viewer: string): readonly string[] {
    return this.all.filter((one) => one.viewer === viewer).map(({ type }) => type);
  }

  /** Returns the ids of the webhooks about one viewer, in order; a webhook that was sent again has the same id. */
  idsOf(viewer: string): readonly string[] {
    return this.all.filter((one) => one.viewer === viewer).map(({ id }) => id);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #statusFor(attempt: Received): number | null {
    const answer = this.#answers.get(attempt.viewer);
    return answer ? answer(attempt) : 204;
  }

  #verify(body: string, request: IncomingMessage): Received | null {
    const headers = request.headers as Record<string, string>;
    try {
      const { type, data, timestamp } = new Verifier(this.secret).verify(body, headers) as {
        readonly type: string;
        readonly timestamp: string;
        readonly data: { readonly viewer: string };
      };
      if (new Date(timestamp).toISOString() !== timestamp) throw new Error('not an instant');
      return { id: headers['webhook-id'] ?? '', type, viewer: data.viewer, path: request.url ?? '' };
    } catch {
      this.invalid++;
      return null;
    }
  }
}
