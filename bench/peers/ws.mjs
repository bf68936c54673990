// Bare `ws`, the baseline: no GraphQL and no checks; the first message names the viewer.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { nextMessage, startEvents } from './event-source.mjs';

const sockets = new Map();
const server = createServer();
new WebSocketServer({ server }).on('connection', (socket) => {
  let viewer;
  socket.on('message', (data) => {
    viewer = data.toString();
    const own = sockets.get(viewer);
    if (own) own.add(socket);
    else sockets.set(viewer, new Set([socket]));
  });
  socket.on('close', () => {
    const own = sockets.get(viewer);
    own?.delete(socket);
    if (own?.size === 0) sockets.delete(viewer);
  });
});
server.listen(0, '127.0.0.1', 4096, () =>
  startEvents(
    server.address().port,
    () => sockets.keys(),
    (viewer, value) => {
      for (const socket of sockets.get(viewer) ?? []) socket.send(nextMessage(value));
    },
  ),
);
