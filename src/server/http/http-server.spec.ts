import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpServer } from './http-server.js';

const HEADERS = { 'X-Content-Type-Options': 'nosniff' };
const SHORT = { headersMs: 100, requestMs: 200, keepAliveMs: 100, silenceMs: 300, checkEveryMs: 20 };

let server: Server;

async function serve(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<void> {
  server = createHttpServer(handler, HEADERS, SHORT);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

/** What a client hears that sends some text, then one more byte now and then, until the server ends the connection. */
async function heard(text: string, { trickle = false } = {}): Promise<string> {
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let received = '';
  client.on('data', (chunk) => (received += chunk.toString('latin1')));
  client.on('error', () => {});
  client.write(text);
  const timer = trickle ? setInterval(() => client.write('x'), 25) : undefined;
  await once(client, 'close');
  clearInterval(timer);
  return received;
}

const answering = (request: IncomingMessage, response: ServerResponse) =>
  void request.resume().once('end', () => response.end('ok'));

describe('a connection ends', () => {
  it.each([
    ['that sends nothing', '', false],
    ['whose headers never end', 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ', true],
    ['whose body never ends', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n', true],
    ['whose chunk never ends', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n', true],
  ])('%s, with 408 and our headers', async (_, text, trickle) => {
    await serve(answering);
    const answer = await heard(text, { trickle });
    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(answer).toContain('X-Content-Type-Options: nosniff\r\n');
    expect(answer).toContain('"The request took too long to arrive."');
  });

  it('that sends no further request, after its response', async () => {
    await serve(answering);
    expect(await heard('GET / HTTP/1.1\r\nHost: x\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('whose response never comes', async () => {
    await serve(() => {});
    expect(await heard('GET / HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('');
  });

  it('bytes that are not HTTP get one response, and their connection ends', async () => {
    await serve(answering);
    const answer = await heard('hello\r\nhello\r\n\r\n');
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  it('bytes that are not HTTP, during a response, put no second response into it', async () => {
    await serve((_request, response) => void response.writeHead(200).write('half'));
    const answer = await heard('GET / HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n');
    expect((answer.match(/HTTP\/1\.1/g) ?? []).length).toBeLessThan(2);
  });

  it('bytes that are not HTTP, while a request waits for the end of a response, put no second response into it', async () => {
    await serve(({ url }, response) => url === '/half' && void response.writeHead(200).write('half'));
    const [half, waiting] = ['/half', '/'].map((url) => `GET ${url} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const answer = await heard(`${half}${waiting}nonsense\r\n\r\n`);
    expect((answer.match(/HTTP\/1\.1/g) ?? []).length).toBeLessThan(2);
  });
});
