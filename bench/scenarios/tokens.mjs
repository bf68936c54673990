import { Loader } from '../lib/loader.mjs';

const CONNECTIONS = 32;
/** One key may send 5,000 requests a second, so several share the load. */
const SCOPES = ['tokens:acme', 'tokens:acme,disconnect', 'tokens:acme,presence', 'tokens:acme,history'];

function requestOf(port, key, n) {
  const body = JSON.stringify({ viewer: `external:acme:person-${n}`, session: `session-${n}` });
  const lines = [
    'POST /tokens HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${key}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** `POST /tokens`: how many tokens per second another backend gets for its users. */
export default {
  name: 'tokens',
  title: '`POST /tokens`, 32 connections',
  async run(bench) {
    const deployment = await bench.deployment();
    const keys = [];
    for (const scopes of SCOPES) keys.push(await deployment.apiKey(scopes));
    const server = await deployment.start();
    const loader = new Loader();
    try {
      const { perSecond, micros } = await bench.interleaved(['sallyport'], async () => {
        const one = await loader.command('httpRate', {
          pid: server.child.pid,
          port: server.port,
          requests: Array.from({ length: CONNECTIONS }, (_, n) => requestOf(server.port, keys[n % keys.length], n)),
          warmupSeconds: bench.quick ? 1 : 3,
          seconds: bench.quick ? 2 : 5,
          expect: '"token":"',
        });
        return { perSecond: one.perSecond, micros: (one.serverCpuSeconds / one.requests) * 1e6 };
      });
      return [
        {
          id: 'tokens',
          title: '`POST /tokens`, 32 connections, server on one core',
          unit: 'requests/s',
          higherIsBetter: true,
          values: perSecond,
          targets: [{ server: 'sallyport', atLeast: 3_000 }],
        },
        { id: 'tokens-cpu', title: 'Server CPU per `POST /tokens`', unit: 'µs', values: micros },
      ];
    } finally {
      await loader.stop();
      await server.stop();
    }
  },
};
