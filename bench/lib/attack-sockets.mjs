// Sockets of an attacker: raw TCP, so that they can stop reading and send any bytes.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { clientFrame } from './frames.mjs';

/** Opens a WebSocket by hand; resolves after the 101. `head` is what came with it. */
async function openRaw(port, headers = {}) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {
    // The server may end an attacker's socket at any time.
  });
  await once(socket, 'connect');
  const lines = {
    host: `127.0.0.1:${port}`,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
    'sec-websocket-protocol': 'graphql-transport-ws',
    ...headers,
  };
  socket.write(
    `GET /graphql HTTP/1.1\r\n${Object.entries(lines)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}\r\n`,
  );
  const [answer] = await once(socket, 'data');
  if (!answer.toString('latin1').startsWith('HTTP/1.1 101')) {
    socket.destroy();
    throw new Error(answer.toString('latin1').split('\r\n', 1)[0]);
  }
  return socket;
}

/** Opens a WebSocket with a token; resolves after the ack. */
export async function openAcked(port, token) {
  const socket = await openRaw(port);
  socket.write(clientFrame(JSON.stringify({ type: 'connection_init', payload: { token } })));
  const [answer] = await once(socket, 'data');
  if (!answer.includes('connection_ack')) {
    socket.destroy();
    throw new Error('not acknowledged');
  }
  return socket;
}
