import { Injectable } from '@nestjs/common';
import {
  type ConnectionInitMessage,
  type Message,
  MessageType,
  type PingMessage,
  type SubscribeMessage,
} from 'graphql-ws';
import { CloseCode } from '../../protocol/close-code.js';
import { inAdmissionSpan } from './admission/admission-span.js';
import { ConnectionAdmission } from './admission/connection-admission.js';
import { GatewayMetrics } from './admission/gateway.metrics.js';
import type { Connection } from './connection/connection.js';
import { messageText } from './connection/message.js';
import { ServedOperations } from './execution/served-operations.js';
import { Subscription } from './execution/subscription.js';
import { SubscriptionStarter } from './execution/subscription-starter.js';

/** The most running subscriptions of one socket. */
const MAX_SUBSCRIPTIONS = 100;
const MAX_OPERATION_ID_LENGTH = 128;
const PONG = messageText({ type: MessageType.Pong });

/**
 * The server's side of `graphql-transport-ws`, for all connections: what each message of a client does. See
 * docs/decisions/the-protocol-is-ours.md.
 */
@Injectable()
export class SocketProtocol {
  constructor(
    private readonly admission: ConnectionAdmission,
    private readonly operations: ServedOperations,
    private readonly starter: SubscriptionStarter,
    private readonly metrics: GatewayMetrics,
  ) {}

  /**
   * Whether there is something to subscribe to: see {@link ServedOperations.exist}.
   *
   * @throws StartError as that
   */
  canServe(): boolean {
    return this.operations.exist();
  }

  /**
   * Handles one message. No expected refusal throws: it closes the socket with its code, or is an Error for the
   * operation.
   *
   * @param bytes the length of the message
   * @throws UnavailableError if a store is unavailable, and any other error that is this server's fault
   */
  async receive(connection: Connection, message: Message, bytes: number): Promise<void> {
    switch (message.type) {
      case MessageType.ConnectionInit:
        return this.#admit(connection, message);
      case MessageType.Ping:
        return this.#answerPing(connection, message);
      case MessageType.Pong:
        return;
      case MessageType.Subscribe:
        return this.#subscribe(connection, message, bytes);
      case MessageType.Complete:
        return connection.subscription(message.id)?.end();
      case MessageType.ConnectionAck:
      case MessageType.Next:
      case MessageType.Error:
        connection.close(CloseCode.BadRequest, 'Only a server sends this message');
    }
  }

  async #admit(connection: Connection, { payload }: ConnectionInitMessage): Promise<void> {
    if (connection.initReceived) {
      return connection.close(CloseCode.TooManyInitialisationRequests, 'Too many initialisation requests');
    }
    connection.receiveInit();
    const ack = await inAdmissionSpan(connection, () => this.admission.admit(connection, payload ?? {}));
    if (!ack) return;
    this.metrics.admitted(connection);
    connection.push(messageText({ type: MessageType.ConnectionAck, payload: { ...ack } }));
  }

  /** A Ping with a token refreshes; any other gets a Pong without payload, so that nothing is echoed. */
  async #answerPing(connection: Connection, { payload }: PingMessage): Promise<void> {
    if (payload?.['token'] === undefined || connection.context === null) return connection.push(PONG);
    const pong = await this.admission.refresh(connection, payload['token']);
    if (pong) connection.push(messageText({ type: MessageType.Pong, payload: { ...pong } }));
  }

  async #subscribe(connection: Connection, { id, payload }: SubscribeMessage, bytes: number): Promise<void> {
    if (connection.state !== 'admitted') return connection.close(CloseCode.Unauthorized, 'Unauthorized');
    if (connection.subscription(id)) {
      return connection.close(CloseCode.SubscriberAlreadyExists, `Subscriber for ${id} already exists`);
    }
    if (id.length > MAX_OPERATION_ID_LENGTH) return connection.close(CloseCode.BadRequest, 'Operation id too long');
    if (connection.subscriptionCount >= MAX_SUBSCRIPTIONS) {
      return connection.close(CloseCode.PolicyViolation, 'Too many subscriptions on one socket');
    }
    await this.starter.start(new Subscription(connection, id), payload, bytes);
  }
}
