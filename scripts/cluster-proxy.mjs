import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from './build-step.mjs';

/** The proxies that `npm run cluster` can run in front, the preferred one first. */
export const PROXIES = ['caddy', 'nginx'];

const read = (file) => readFileSync(join(ROOT, file), 'utf8');

/**
 * Writes a proxy's configuration for plain HTTP on loopback, made of what production uses: the balancer of
 * docker-compose.yml for Caddy, deploy/nginx/sallyport.conf without TLS for nginx.
 *
 * @param {string} name one of {@link PROXIES}
 * @param {string} folder an empty folder for its files
 * @param {number} port where it listens
 * @param {{ port: number }[]} nodes what it passes requests on to
 * @returns {{ args: string[], env: Record<string, string> }} how to start it
 */
export function startProxy(name, folder, port, nodes) {
  const addresses = nodes.map((node) => `127.0.0.1:${node.port}`);
  return name === 'caddy' ? caddy(folder, port, addresses) : nginx(folder, port, addresses);
}

function caddy(folder, port, addresses) {
  const { content } = parse(read('docker-compose.yml'), { merge: true }).configs.balancer;
  const file = join(folder, 'Caddyfile');
  const text = content
    .replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')
    .replace(':8080 {', `http://:${port} {\n  bind 127.0.0.1`)
    .replace('node-1:3000 node-2:3000', addresses.join(' '))
    .replace('admin off', 'admin off\n  log {\n    level ERROR\n  }');
  writeFileSync(file, text);
  const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  return { args: ['run', '--config', file, '--adapter', 'caddyfile'], env };
}

function nginx(folder, port, addresses) {
  const file = join(folder, 'nginx.conf');
  const site = read('deploy/nginx/sallyport.conf')
    .replace(/server \{\n {2}listen 80;[\s\S]*?\n\}\n/, '')
    .replaceAll(/^ *ssl_.*\n/gm, '')
    .replaceAll(/^ *server 127.*\n/gm, '')
    .replace(
      'least_conn;',
      `least_conn;\n${addresses.map((each) => `server ${each} max_fails=1 fail_timeout=2s;`).join('\n')}`,
    )
    .replace('listen 443 ssl;', `listen 127.0.0.1:${port};`);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (each) => `${each}_temp_path ${folder}/${each};`,
  );
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr error; worker_rlimit_nofile 65536;
    events { worker_connections 4096; }
    http { access_log off; ${temporary.join(' ')}\n${site} }\n`,
  );
  return { args: ['-c', file, '-p', folder], env: {} };
}
