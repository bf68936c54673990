import { connect } from 'node:net';

const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);

/**
 * Sends the same request again and again over keep-alive connections, one at a time on each.
 * Responses are delimited by Content-Length; the first of each connection is kept and must contain `expect`.
 *
 * @param options.requests one whole HTTP/1.1 request as text per connection
 */
export function httpRate({ port, requests, warmupSeconds, seconds, expect }) {
  return new Promise((resolve, reject) => {
    let answered = 0;
    let counted = 0;
    let from = 0;
    let counting = false;
    const sample = [];
    const connections = requests.map((text) => {
      const request = Buffer.from(text);
      let pending = '';
      let first = true;
      const socket = connect({
        port,
        host: '127.0.0.1',
        noDelay: true,
        onread: {
          buffer: READ_BUFFER,
          callback: (size, buffer) => {
            pending += buffer.latin1Slice(0, size);
            const head = pending.indexOf('\r\n\r\n');
            if (head === -1) return true;
            const length = /content-length: *(\d+)/i.exec(pending.slice(0, head));
            if (!length || !pending.startsWith('HTTP/1.1 200')) {
              reject(new Error(`unexpected answer: ${pending.slice(0, 500)}`));
              return false;
            }
            if (pending.length < head + 4 + Number(length[1])) return true;
            if (first) {
              first = false;
              sample.push(pending.slice(head + 4));
              if (!pending.includes(expect)) reject(new Error(`answer without ${expect}: ${pending}`));
            }
            pending = '';
            answered++;
            if (counting) counted++;
            socket.write(request);
            return true;
          },
        },
      });
      socket.on('error', reject);
      socket.once('connect', () => socket.write(request));
      return socket;
    });
    setTimeout(() => {
      counting = true;
      from = performance.now();
      setTimeout(() => {
        counting = false;
        const wall = (performance.now() - from) / 1000;
        for (const socket of connections)
          socket
            .removeAllListeners('error')
            .on('error', () => {})
            .destroy();
        resolve({ requests: answered, perSecond: counted / wall, sample: sample[0] });
      }, seconds * 1000);
    }, warmupSeconds * 1000);
  });
}
