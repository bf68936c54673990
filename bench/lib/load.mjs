// The load generator: a separate process on its own core, controlled by lib/loader.mjs.
import { FEEDS } from './feeds.mjs';
import { request as httpRequest, Agent } from 'node:http';
import { sinceStamp } from './pace.mjs';
import { cpuSeconds } from './proc.mjs';
import { quantiles } from './stats.mjs';
import { Sockets } from './sockets.mjs';
import { httpRate } from './http-rate.mjs';

let sockets = null;
const agent = new Agent({ keepAlive: true, maxSockets: 8, noDelay: true });

const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves with 0 when `count` more frames have arrived, or with the number of missing ones after the timeout. */
function frames(count, timeoutMs) {
  const target = sockets.delivered + count;
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      sockets.onDelivered = null;
      resolve(Math.max(0, target - sockets.delivered));
    };
    const timer = setTimeout(finish, timeoutMs);
    sockets.onDelivered = () => sockets.delivered >= target && finish();
  });
}

/** Waits for a pause between two ticks: no frame for `quietMs`. */
async function quiet(quietMs, timeoutMs) {
  const deadline = performance.now() + timeoutMs;
  for (let seen = -1; seen !== sockets.delivered && performance.now() < deadline;) {
    seen = sockets.delivered;
    await after(quietMs);
  }
}

function post(url, headers, body) {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, {
      method: 'POST',
      agent,
      headers: { 'content-type': 'application/json', ...headers },
    });
    request.on('response', (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(chunks)
          : reject(new Error(`publish answered ${response.statusCode}: ${Buffer.concat(chunks)}`)),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** The integer at the end of a Next message of `userCount`, read backwards from the closing braces. */
function lastInteger(bytes, end) {
  let at = end - 1;
  while (bytes[at] === 0x7d) at--;
  let value = 0;
  for (let unit = 1; bytes[at] >= 0x30 && bytes[at] <= 0x39; at--, unit *= 10) value += (bytes[at] - 0x30) * unit;
  return value;
}

const snapshot = (pid) => ({
  at: performance.now(),
  server: cpuSeconds(pid),
  own: process.cpuUsage(),
  delivered: sockets?.delivered ?? 0,
});

function difference(before, pid, extra) {
  const now = snapshot(pid);
  const own = process.cpuUsage(before.own);
  return {
    events: now.delivered - before.delivered,
    serverCpuSeconds: now.server - before.server,
    loaderCpuSeconds: (own.user + own.system) / 1e6,
    wallSeconds: (now.at - before.at) / 1000,
    ...extra,
  };
}

async function opening(pid, open) {
  const before = snapshot(pid);
  const seconds = await open();
  const { opened, failed, closes } = sockets;
  return difference(before, pid, { seconds, opened, failed, closes });
}

const commands = {
  /** Opens sockets; returns the time and the CPU time of both processes. */
  async open({ pid, atOnce, ...options }) {
    sockets = new Sockets(options);
    return opening(pid, () => sockets.open(atOnce));
  },

  /** Opens more sockets beside those that are open. As `open`, whose options hold for them too. */
  async openMore({ pid, clients, atOnce }) {
    return opening(pid, () => sockets.openMore(clients, atOnce));
  },

  /** Waits for `warmup` frames, then measures `count` frames, each starting in a pause between ticks. */
  async ticks({ pid, warmup, count, quietMs, timeoutMs }) {
    if (warmup > 0) await frames(warmup, timeoutMs);
    await quiet(quietMs, timeoutMs);
    const before = snapshot(pid);
    const missing = await frames(count, timeoutMs);
    return difference(before, pid, { missing, samples: sockets.samples.slice(0, 4), closes: sockets.closes });
  },

  /** Starts counting; the parent then causes `count` frames. With `stamped`, measures their latencies. */
  async count({ pid, count, timeoutMs, stamped = false }) {
    const latencies = new Float64Array(stamped ? count : 0);
    let arrived = 0;
    if (stamped) {
      sockets.onEvent = (bytes, start, end) => {
        latencies[arrived++] = sinceStamp(lastInteger(bytes, end));
      };
    }
    const before = snapshot(pid);
    const waiting = frames(count, timeoutMs);
    process.send({ started: true });
    const missing = await waiting;
    sockets.onEvent = null;
    return difference(before, pid, {
      missing,
      latencyMs: quantiles(latencies.subarray(0, arrived)),
      samples: sockets.samples.slice(0, 4),
      closes: sockets.closes,
    });
  },

  /** Publishes `count` events over HTTP in batches without pauses, with `inFlight` requests at a time. */
  async publish({
    pid,
    url,
    headers,
    viewers,
    topic,
    feed = 'user_count',
    batch,
    count,
    inFlight = 2,
    timeoutMs = 30_000,
  }) {
    const { payload } = FEEDS[feed];
    let at = 0;
    const body = () => {
      const events = [];
      for (let i = 0; i < batch; i++)
        events.push({ topic, viewer: viewers[at++ % viewers.length], payload: payload(at) });
      return JSON.stringify({ events });
    };
    // Made before, so that this process is not the limit.
    const bodies = Array.from({ length: Math.ceil(count / batch) }, body);
    const before = snapshot(pid);
    const arrived = frames(count, timeoutMs);
    const stream = async () => {
      const next = bodies.pop();
      if (next === undefined) return;
      await post(url, headers, next);
      await stream();
    };
    await Promise.all(Array.from({ length: inFlight }, stream));
    return difference(before, pid, {
      missing: await arrived,
      closes: sockets.closes,
      samples: sockets.samples.slice(0, 4),
    });
  },

  /** Requests per second of one HTTP request over keep-alive connections; see http-rate.mjs. */
  async httpRate({ pid, ...options }) {
    const before = snapshot(pid);
    const outcome = await httpRate(options);
    return difference(before, pid, outcome);
  },

  async close() {
    sockets?.close();
    sockets = null;
    return {};
  },
};

process.on('message', async ({ command, ...options }) => {
  try {
    process.send({ result: await commands[command](options) });
  } catch (error) {
    process.send({ error: error.stack });
  }
});
process.on('disconnect', () => process.exit(0));
// With resets: ports in TIME_WAIT would slow down the next run.
process.on('SIGTERM', async () => {
  await commands.close();
  process.exit(0);
});
