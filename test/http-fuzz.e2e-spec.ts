import { afterAll, beforeAll, expect, it } from 'vitest';
import { Random } from './kit/random.js';
import { type RawResponse, rawHttp } from './kit/raw-http.js';
import { startServer, type TestServer } from './kit/server.js';

const SEED = Number(process.env['HTTP_FUZZ_SEED'] ?? 20_261_125);
const REQUESTS = Number(process.env['HTTP_FUZZ_REQUESTS'] ?? 600);

let server: TestServer;

beforeAll(async () => {
  server = await startServer({
    env: {
      PUBLIC_URL: 'https://app.example',
      TRUSTED_PROXIES: '127.0.0.1',
      APP_PROXY_SECRET: 'hush-hush-hush-hush-hush-hush-hush',
      APP_PROXY_SHOPS: 'demo.myshopify.com',
    },
  });
});
afterAll(() => server.stop());

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'OPTIONS', 'HEAD', 'QUERY', 'PROPFIND', 'PURGE'];
const ODD_METHODS = ['get', 'GE T', 'POSTPOST', 'SOURCE', 'PRI', '', '\u0000GET', 'M-SEARCH'];
const TARGETS = [
  '/',
  '/graphql',
  '/%67raphql',
  '/publish',
  '/publish?x=1',
  '/app-proxy/token',
  '/app-proxy/x/y',
  '/healthz',
  '/readyz',
  '/graphiql',
  '/assets/x.js',
  '/nowhere',
];
const ODD_TARGETS = [
  '*',
  '',
  '//',
  '///evil.example/graphql',
  'graphql',
  'http://',
  'http://evil.example',
  'https://app.example:443/publish',
  'ftp://x/healthz',
  'javascript:alert(1)',
  '/%',
  '/%zz',
  '/%00',
  '/%c0%ae%c0%ae/etc/passwd',
  '/assets/..%2f..%2fpackage.json',
  '/assets/%2e%2e/%2e%2e/package.json',
  '/assets/..\\..\\package.json',
  '/app-proxy/%',
  '/app-proxy/%e0%a4%a?signature=%',
  '/app-proxy/token?signature=%zz&signature=x',
  '/graphql?query={__typename}#x',
  '/?%',
  `/${'a'.repeat(9_000)}`,
  `/app-proxy/${'%41'.repeat(3_000)}`,
  '/\u00e9',
  '/ x',
  '/x\ty',
];
const HEADERS = [
  'Content-Type: application/json',
  'Content-Type: text/plain',
  'Content-Type: application/json; charset=utf-16',
  'Content-Type: multipart/form-data; boundary=x',
  'Content-Type: ;',
  'Content-Length: 2',
  'Content-Length:\t2',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: Chunked',
  'Transfer-Encoding: identity, chunked',
  'Content-Encoding: gzip',
  'Origin: https://evil.example',
  'Origin: null',
  'Origin: https://app.example',
  'Origin: https://app.example\u00ff',
  'Cookie: __Host-sallyport=x',
  'Cookie: =; ;;=;a',
  `Cookie: ${'a=b;'.repeat(2_000)}`,
  'Sec-Fetch-Site: cross-site',
  'Authorization: Bearer x',
  'Authorization: Bearer',
  'Authorization: Basic %%%',
  'X-Forwarded-Proto: http',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Proto: ,',
  `X-Forwarded-For: ${'1.2.3.4,'.repeat(1_000)}`,
  'X-Forwarded-For: \u00ff',
  'X-Forwarded-For: 999.1.1.1',
  'Expect: 100-continue',
  'Connection: close',
  'Connection: x',
  'Accept-Encoding: *;q=x',
  'Accept: text/html;q=\u00ff',
  'Accept: application/nothing',
  'Range: bytes=0-,5-1,99999999999-',
  'If-None-Match: "',
  'If-Modified-Since: nonsense',
  'TE: trailers',
  'Trailer: Host',
  ...Array.from({ length: 5 }, (_, index) => `X-${index}: ${index}`),
];
/** Headers that a parser must refuse. */
const MALFORMED = [
  'Content-Type: application/json\u0000',
  'Content-Length: 3',
  'Content-Length: -1',
  'Content-Length: +2',
  'Content-Length: 0x2',
  'Content-Length: 99999999999999999999',
  'Content-Length: 2, 2',
  'Content-Length : 2',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding:\u000bchunked',
  'Transfer-Encoding: gzip, chunked',
  'Host: x',
  'Host:',
  'Expect: 200-ok',
  ' folded: x',
  'No-Colon',
  ': no name',
  'Bad Name: x',
  'X-Null: \u0000',
  'X-Cr: a\rb',
  `X-Long: ${'x'.repeat(20_000)}`,
  'Host: a, b',
  'Host: evil.example/x',
];
const BODIES = [
  '',
  '{}',
  '{"query":"{ __typename }"}',
  '{"query":1}',
  '[]',
  'null',
  '{"__proto__":{"x":1}}',
  '{"constructor":{"prototype":{"x":1}}}',
  '"\ud800"',
  '2\r\n{}\r\n0\r\n\r\n',
  '2;ext="\r\n{}\r\n0\r\n\r\n',
  'ffffffffffffffff\r\n{}',
  '-2\r\n{}\r\n0\r\n\r\n',
  '0\r\nHost: evil\r\n\r\n',
  '0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n',
  '['.repeat(50_000),
  '\u0000\u0001\u0002',
];
const VERSIONS = ['HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/1.1 ', ''];

function requestOf(random: Random): Buffer {
  const seldom = <T>(odd: readonly T[], usual: readonly T[]): T => random.pick(random.chance(0.05) ? odd : usual);
  const end = seldom(['\n', '\r'], ['\r\n']);
  const headers = Array.from({ length: random.below(6) }, () => seldom(MALFORMED, HEADERS));
  const body = random.pick(BODIES);
  const length = random.chance(0.5) ? [`Content-Length: ${Buffer.byteLength(body)}`] : [];
  const target = random.pick(random.chance(0.8) ? TARGETS : ODD_TARGETS);
  const line = `${seldom(ODD_METHODS, METHODS)} ${target} ${seldom(VERSIONS, ['HTTP/1.1'])}`;
  const host = seldom([[], ['Host: x', 'Host: y']], [['Host: x']]);
  // Closes the connection, so that a body that the server does not read delays nothing.
  const lines = [line, ...host, ...headers, ...length, 'Connection: close', '', body];
  return Buffer.from(lines.join(end), random.chance(0.9) ? 'utf8' : 'latin1');
}

/** Returns what is wrong with a response, or null. */
function faultOf({ status, headers }: RawResponse): string | null {
  // No response: the server closes the connection of an upgrade or an incomplete request.
  if (status === 0) return null;
  if (status >= 500) return `status ${status}`;
  if (headers.get('x-content-type-options') !== 'nosniff') return 'no nosniff';
  if (!headers.get('strict-transport-security')) return 'no HSTS';
  if (headers.has('x-powered-by') || headers.has('server')) return 'tells what it runs on';
  return null;
}

it(`answers ${REQUESTS} random requests (HTTP_FUZZ_SEED=${SEED}) without a failure, each with our headers`, async () => {
  const random = new Random(SEED);
  const statuses = new Map<number, number>();
  for (let round = 0; round < REQUESTS / 20; round++) {
    const requests = Array.from({ length: 20 }, () => requestOf(random));
    const answers = await Promise.all(requests.map((request) => rawHttp(server.url, request, 1_000)));
    answers.forEach((answer, index) => {
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      const fault = faultOf(answer);
      if (fault) expect.fail(`${fault}: ${JSON.stringify(requests[index]!.toString('latin1').slice(0, 600))}`);
    });
  }
  if (process.env['HTTP_FUZZ_SHOW']) console.log(Object.fromEntries(statuses));
  expect(statuses.size).toBeGreaterThan(5);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
}, 120_000);
