import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Returns the files of a self-signed certificate for `localhost` and 127.0.0.1 in a folder; it is created once. */
export function certificateIn(folder: string): { cert: string; key: string } {
  const made = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  if (existsSync(made.cert)) return made;
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const files = ['-keyout', made.key, '-out', made.cert];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...subject, ...files], {
    stdio: 'ignore',
  });
  return made;
}
