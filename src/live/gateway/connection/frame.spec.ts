import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { textFrame, toBytes } from './frame.js';

let http: Server;
let client: WebSocket;
let stream: Duplex;

beforeAll(async () => {
  const server = new WebSocketServer({ noServer: true });
  http = createServer().on('upgrade', (request, socket, head) => {
    stream = socket;
    server.handleUpgrade(request, socket, head, () => {});
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`);
  await new Promise((resolve) => client.once('open', resolve));
});

afterAll(() => {
  client.terminate();
  http.close();
});

/** Writes the bytes to a real socket and returns the texts that a real client makes of them. */
async function read(bytes: string, count: number): Promise<string[]> {
  const texts: string[] = [];
  const all = new Promise<void>((resolve) => {
    client.removeAllListeners('message').on('message', (data: Buffer) => {
      if (texts.push(data.toString()) === count) resolve();
    });
  });
  stream.write(bytes, 'latin1');
  await all;
  return texts;
}

describe('a text frame', () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 100_000])('is read back whole at %i bytes', async (length) => {
    const text = 'x'.repeat(length);
    expect(await read(textFrame(toBytes(text)), 1)).toEqual([text]);
  });

  it.each(['Jürgen', '日本語', '👩‍👩‍👧', '\u0000"\\', 'ÿ'])('keeps %j as UTF-8', async (text) => {
    expect(await read(textFrame(toBytes(text)), 1)).toEqual([text]);
  });
});

it('joined frames stay one message each, in order', async () => {
  const texts = ['one', 'zwei – 2', '', 'x'.repeat(70_000), '四'];
  const frames = texts.map((text) => textFrame(toBytes(text))).join('');
  expect(await read(frames, texts.length)).toEqual(texts);
});
