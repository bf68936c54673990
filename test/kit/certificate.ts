import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Returns the files of a self-signed certificate in a folder; it is created once.
 *
 * @param names what it is for. Default: `localhost` and 127.0.0.1
 */
export function certificateIn(folder: string, names = 'DNS:localhost,IP:127.0.0.1'): { cert: string; key: string } {
  const made = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  if (existsSync(made.cert)) return made;
  const subject = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${names}`];
  const files = ['-keyout', made.key, '-out', made.cert];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...subject, ...files], {
    stdio: 'ignore',
  });
  return made;
}
