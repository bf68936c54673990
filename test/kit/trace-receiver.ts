import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { all, type Field, fieldsOf, integer, text } from './protobuf.js';

/** Spans are exported every 5 s; machines may be busy. */
const WITHIN = { timeout: 40_000, interval: 50 };
const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];

/** The value of a span attribute. */
export type AttributeValue = string | boolean | number | readonly AttributeValue[] | null;

/** A span decoded from OTLP. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** '' for the root span. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: string;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** The ids of the linked spans. */
  readonly links: readonly string[];
  readonly hasFailed: boolean;
  /** The resource attributes of the sender. */
  readonly resource: Readonly<Record<string, AttributeValue>>;
}

/** An OpenTelemetry collector that receives spans by OTLP over HTTP, in protobuf. */
export class TraceReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** Every request body. */
  readonly bodies: Buffer[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  /** The response's status, or `never` to leave requests unanswered. */
  answer: number | 'never' = 200;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(port = 0): Promise<TraceReceiver> {
    const server = createServer();
    const receiver = new TraceReceiver(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        receiver.headers.push(request.headers);
        if (receiver.answer === 'never') return;
        if (receiver.answer === 200) receiver.#take(Buffer.concat(chunks));
        response.writeHead(receiver.answer, { 'content-type': 'application/x-protobuf' }).end();
      });
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Settings with which a server sends every span here. */
  get env(): { readonly OTEL_EXPORTER_OTLP_ENDPOINT: string } {
    return { OTEL_EXPORTER_OTLP_ENDPOINT: this.url };
  }

  /** Returns the spans with this name so far. */
  named(name: string): readonly ReceivedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  /** Waits for at least `count` spans with this name, optionally in one trace. */
  async waitFor(name: string, count = 1, traceId?: string): Promise<readonly ReceivedSpan[]> {
    const found = () => this.named(name).filter((span) => traceId === undefined || span.traceId === traceId);
    await expect.poll(() => found().length, WITHIN).toBeGreaterThanOrEqual(count);
    return found();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #take(body: Buffer): void {
    this.bodies.push(body);
    for (const ofResource of all(fieldsOf(body), 1)) {
      const fields = fieldsOf(ofResource);
      const resource = attributesOf(all(fields, 1).flatMap((one) => all(fieldsOf(one), 1)));
      const spans = all(fields, 2).flatMap((scope) => all(fieldsOf(scope), 2));
      this.spans.push(...spans.map((span) => toSpan(fieldsOf(span), resource)));
    }
  }
}

function toSpan(fields: readonly Field[], resource: ReceivedSpan['resource']): ReceivedSpan {
  const id = (number: number) => all(fields, number)[0]?.toString('hex') ?? '';
  return {
    traceId: id(1),
    spanId: id(2),
    parentSpanId: id(4),
    name: text(fields, 5),
    kind: KINDS[integer(fields, 6)] ?? '',
    durationMs: (integer(fields, 8) - integer(fields, 7)) / 1e6,
    attributes: attributesOf(all(fields, 9)),
    links: all(fields, 13).map((link) => all(fieldsOf(link), 2)[0]?.toString('hex') ?? ''),
    hasFailed: all(fields, 15).some((status) => integer(fieldsOf(status), 3) === 2),
    resource,
  };
}

function attributesOf(pairs: readonly Buffer[]): Record<string, AttributeValue> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const fields = fieldsOf(pair);
      return [text(fields, 1), valueOf(all(fields, 2)[0])];
    }),
  );
}

function valueOf(bytes: Buffer | undefined): AttributeValue {
  const [field] = bytes ? fieldsOf(bytes) : [];
  if (!field) return null;
  const { number, value } = field;
  if (!Buffer.isBuffer(value)) return number === 2 ? value === 1n : Number(value);
  return number === 5 ? all(fieldsOf(value), 1).map(valueOf) : value.toString();
}
