import { type Message, parseMessage, stringifyMessage } from 'graphql-ws';
import { type ByteText, toBytes } from './frame.js';

/** A message of `graphql-transport-ws` as it is sent. */
export function messageText(message: Message): ByteText {
  return toBytes(stringifyMessage(message));
}

/** The message that a client has sent; null if it is not a message of the protocol. */
export function parsedMessage(data: Buffer): Message | null {
  try {
    return parseMessage(data.toString());
  } catch {
    return null;
  }
}
