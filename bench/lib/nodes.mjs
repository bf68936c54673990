// Two nodes of one deployment, and the latency of events between them.
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { WebSocket } from 'ws';
import { freePort } from '../../scripts/free-port.mjs';

/** Starts two nodes that share a deployment, each on a core of its own, and stops them when `use` is done. */
export async function withNodes(deployment, env, use) {
  const common = { ...env, USER_COUNT_INTERVAL_SECONDS: '86400' };
  const nodes = [];
  try {
    nodes.push(await deployment.start({ env: common }));
    nodes.push(await deployment.start({ env: { ...common, PORT: String(await freePort()) }, core: 1 }));
    return await use(nodes);
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
  }
}

/** Milliseconds from a request to one node to the frame on a socket of the other, one request at a time. */
export async function crossNodeLatencies(deployment, env, count, pauseMs) {
  const [person] = await deployment.people(1);
  const authorization = `Bearer ${await deployment.apiKey()}`;
  return withNodes(deployment, env, async (nodes) => {
    const socket = await subscribed(nodes[1].port, person.token);
    const post = poster(nodes[0].port, authorization);
    const latencies = [];
    for (let index = 0; index < count + 50; index++) {
      const frame = once(socket, 'message');
      const sentAt = performance.now();
      const answer = post({ events: [{ topic: 'user_count', viewer: person.viewerId, payload: index }] });
      await frame;
      if (index >= 50) latencies.push(performance.now() - sentAt);
      await answer;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    socket.terminate();
    return latencies;
  });
}

async function subscribed(port, token) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws');
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init', payload: { token } }));
  await once(socket, 'message');
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: 'subscription { userCount }' } }));
  // The pong arrives after the subscription is confirmed, perhaps preceded by the last value.
  await new Promise((resolve) => setTimeout(resolve, 500));
  return socket;
}

function poster(port, authorization) {
  const agent = new Agent({ keepAlive: true });
  const headers = { authorization, 'content-type': 'application/json' };
  return (body) =>
    new Promise((resolve, reject) => {
      const sent = request(
        { port, host: '127.0.0.1', path: '/publish', method: 'POST', agent, headers },
        (response) => {
          response.resume().on('end', resolve);
          if (response.statusCode !== 200) reject(new Error(`publish answered ${response.statusCode}`));
        },
      );
      sent.on('error', reject);
      sent.end(JSON.stringify(body));
    });
}
