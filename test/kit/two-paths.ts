import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { ModulesContainer } from '@nestjs/core';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import { GraphQLError, type GraphQLSchema, subscribe } from 'graphql';
import { makeServer } from 'graphql-ws';
import { pino } from 'pino';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import type { GatewayConfig } from '../../src/live/live.config.js';
import type { Grant } from '../../src/live/gateway/connection-authenticator.js';
import type { ConnectionAdmission } from '../../src/live/gateway/admission/connection-admission.js';
import type { Connection } from '../../src/live/gateway/connection/connection.js';
import { GatewaySocket } from '../../src/live/gateway/connection/gateway-socket.js';
import { WriteBatcher } from '../../src/live/gateway/connection/frame-writer.js';
import { DocumentBudget } from '../../src/live/gateway/execution/document-budget.js';
import { showError } from '../../src/live/errors/show-error.js';
import { ServedOperations } from '../../src/live/gateway/execution/served-operations.js';
import { SubscriptionStarter } from '../../src/live/gateway/execution/subscription-starter.js';
import type { GatewayMetrics } from '../../src/live/gateway/admission/gateway.metrics.js';
import type { ConnectionExpiry } from '../../src/live/gateway/connection/connection-expiry.js';
import { Connections } from '../../src/live/gateway/connections.js';
import { SocketProtocol } from '../../src/live/gateway/socket.protocol.js';
import { SUBPROTOCOL } from '../../src/protocol/payload.js';
import type { GraphqlContext } from '../../src/live/viewer/graphql-context.js';
import { subscriptionMetrics } from './subscription-metrics.js';
import { Inbox } from '../../src/testing/inbox.js';

/** The paths of the two implementations. */
const PATHS = { push: '/push', reference: '/reference' } as const;

/**
 * A server that offers one schema over `graphql-transport-ws` twice: by our gateway, and by graphql-ws with graphql-js.
 */
export interface TwoPaths {
  /** Opens a socket and sends nothing. The inbox gets every raw message, and finally `<code> <reason>` of its close. */
  connect(path: keyof typeof PATHS): Promise<{ send(text: string): void; inbox: Inbox<string> }>;
  /** Subscribes on a new socket. Every raw message after the ack goes into the inbox. */
  subscribe(path: keyof typeof PATHS, payload: Record<string, unknown>): Promise<Inbox<string>>;
  /** Closes the sockets that {@link subscribe} opened. */
  closeSockets(): void;
  stop(): void;
}

type Open = (socket: GatewaySocket, stream: Socket) => void;

const logger = pino({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent' });
const GRANT: Grant = {
  viewer: { id: 'user:00000000-0000-4000-8000-000000000001' },
  standsOn: 'token',
  expiresAt: new Date(Date.now() + 3_600_000),
  maySpeakFrom: () => true,
};
const ACK = { expiresAt: GRANT.expiresAt.toISOString() };
const facts = { address: '127.0.0.1', userAgent: null, origin: null, requestId: 'test' };

/** Starts the server. Every connection is admitted with `context`; all later steps are real. */
export async function startTwoPaths(schema: GraphQLSchema, context: GraphqlContext): Promise<TwoPaths> {
  const sockets = new WebSocketServer<typeof GatewaySocket>({
    noServer: true,
    WebSocket: GatewaySocket,
    handleProtocols: () => SUBPROTOCOL,
  });
  const open: Record<string, Open> = {
    [PATHS.push]: pushPath(schema, context),
    [PATHS.reference]: referencePath(schema, context),
  };
  const http = createServer().on('upgrade', (request: IncomingMessage, stream: Socket, head: Buffer) => {
    sockets.handleUpgrade(request, stream, head, (socket) => open[request.url ?? '']?.(socket, stream));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const clients: WebSocket[] = [];
  const connect: TwoPaths['connect'] = async (path) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}${PATHS[path]}`, SUBPROTOCOL);
    clients.push(client);
    const inbox = new Inbox<string>();
    client.on('message', (data: Buffer) => inbox.put(data.toString()));
    client.on('close', (code, reason) => inbox.put(`${code} ${reason.toString()}`));
    await new Promise((resolve) => client.once('open', resolve));
    return { inbox, send: (text) => client.send(text) };
  };
  return {
    connect,
    async subscribe(path, payload) {
      const { send, inbox } = await connect(path);
      send(JSON.stringify({ type: 'connection_init' }));
      await inbox.take((text) => text.includes('connection_ack'), 'the ack');
      send(JSON.stringify({ id: 'an "id" – ü', type: 'subscribe', payload }));
      return inbox;
    },
    closeSockets() {
      for (const client of clients.splice(0)) client.terminate();
    },
    stop() {
      for (const client of clients) client.terminate();
      http.close();
    },
  };
}

function pushPath(schema: GraphQLSchema, context: GraphqlContext): Open {
  const host = new GraphQLSchemaHost();
  host.schema = schema;
  const admission = {
    admit: async (connection: Connection) => {
      connection.admit({ grant: GRANT, authenticator: 'test', context, resumable: false, sendsPositions: false });
      return ACK;
    },
  } as unknown as ConnectionAdmission;
  const module = { providers: new Map([[GraphQLSchemaHost, { instance: host }]]) };
  const modules = new Map([['graphql', module]]) as unknown as ModulesContainer;
  const config = { introspection: false } as GatewayConfig;
  const operations = new ServedOperations(modules, new DocumentBudget(), config, logger);
  const starter = new SubscriptionStarter(operations, subscriptionMetrics(), logger);
  const expiry = { begin: () => {}, end: () => {} } as unknown as ConnectionExpiry;
  const nothing = () => {};
  const metrics = { admitted: nothing, closed: nothing, failed: nothing, messageFailed: nothing };
  const gatewayMetrics = metrics as unknown as GatewayMetrics;
  const protocol = new SocketProtocol(admission, operations, starter, gatewayMetrics);
  const connections = new Connections(protocol, expiry, new WriteBatcher(), gatewayMetrics);
  return (socket, stream) => connections.open(socket, stream, facts);
}

/** Unmodified graphql-ws with execution by graphql-js; only its errors are formatted like ours. */
function referencePath(schema: GraphQLSchema, context: GraphqlContext): Open {
  const show = (errors: readonly GraphQLError[]) => errors.map((error) => showError(error, logger));
  const server = makeServer({
    schema,
    context,
    subscribe,
    onConnect: () => ACK,
    onNext: (_context, _id, _payload, _args, { errors, data }) => {
      if (!errors) return undefined;
      return data === undefined ? { errors: show(errors) } : { errors: show(errors), data };
    },
    onError: (_context, _id, _payload, errors) => show(errors),
  });
  return (socket) => {
    const closed = server.opened(
      {
        protocol: socket.protocol,
        send: (text) => socket.send(text),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (listener) =>
          void socket.on('message', (data: RawData) => void listener((data as Buffer).toString())),
      },
      { socket },
    );
    socket.on('close', (code) => void closed(code));
  };
}
