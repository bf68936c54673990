// A load balancer: TCP connections go to the ready node with the fewest connections.
import { connect, createServer } from 'node:net';

const CHECK_INTERVAL_MS = 100;

/** Starts one on a free port in front of nodes that are asked for `/readyz` every 100 ms. `{ url, stop() }`. */
export async function startBalancer(ports) {
  const nodes = ports.map((port) => ({ port, ready: true, open: 0 }));
  const sockets = new Set();
  const checkNodes = () => Promise.all(nodes.map(checkNode));
  const timer = setInterval(() => void checkNodes(), CHECK_INTERVAL_MS);
  const server = createServer((inside) => {
    const node = nodes.filter(({ ready }) => ready).sort((one, other) => one.open - other.open)[0];
    if (!node) return void inside.destroy();
    const outside = connect(node.port, '127.0.0.1');
    node.open += 1;
    outside.once('close', () => (node.open -= 1));
    for (const [socket, other] of [
      [inside, outside],
      [outside, inside],
    ]) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.once('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    inside.pipe(outside).pipe(inside);
    return undefined;
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop() {
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function checkNode(node) {
  const answer = await fetch(`http://127.0.0.1:${node.port}/readyz`, { signal: AbortSignal.timeout(1000) }).catch(
    () => null,
  );
  await answer?.arrayBuffer().catch(() => null);
  node.ready = answer?.ok ?? false;
}
