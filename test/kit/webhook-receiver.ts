import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';
import { Webhook as Verifier } from 'standardwebhooks';

/** One attempt that reached the receiver, with a valid signature. */
export interface Received {
  readonly id: string;
  readonly type: string;
  readonly viewer: string;
}

/** A backend that receives webhooks and verifies them with the library that Standard Webhooks publishes. */
export class WebhookReceiver {
  readonly secret = `whsec_${randomBytes(32).toString('base64')}`;
  readonly all: Received[] = [];
  readonly #answers = new Map<string, (attempt: Received) => number>();
  /** Attempts whose signature or form was wrong. */
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
        const attempt = receiver.#verify(Buffer.concat(chunks).toString(), request.headers as Record<string, string>);
        const status = attempt ? (receiver.#answers.get(attempt.viewer)?.(attempt) ?? 204) : 400;
        if (attempt) receiver.all.push(attempt);
        response.writeHead(status, { location: '/elsewhere' }).end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hooks`;
  }

  /** What a server needs to send here. */
  get env(): { readonly WEBHOOK_URL: string; readonly WEBHOOK_SECRET: string } {
    return { WEBHOOK_URL: this.url, WEBHOOK_SECRET: this.secret };
  }

  /** Answers attempts about one viewer with these statuses; all others with 204. Called with each before it counts. */
  answer(viewer: string, status: (attempt: Received) => number): void {
    this.#answers.set(viewer, status);
  }

  /** The types of what came about one viewer, in order. */
  typesOf(viewer: string): readonly string[] {
    return this.all.filter((one) => one.viewer === viewer).map(({ type }) => type);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #verify(body: string, headers: Record<string, string>): Received | null {
    try {
      const { type, data, timestamp } = new Verifier(this.secret).verify(body, headers) as {
        readonly type: string;
        readonly timestamp: string;
        readonly data: { readonly viewer: string };
      };
      if (new Date(timestamp).toISOString() !== timestamp) throw new Error('not an instant');
      return { id: headers['webhook-id'] ?? '', type, viewer: data.viewer };
    } catch {
      this.invalid++;
      return null;
    }
  }
}
