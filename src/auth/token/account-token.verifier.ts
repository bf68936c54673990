import { Injectable } from '@nestjs/common';
import { accountViewer } from '../../viewer/viewer.js';
import { ConnectionTokenVerifier, type TokenVerdict } from './connection-token.verifier.js';
@Injectable()
export class AccountTokenVerifier extends ConnectionTokenVerifier {
  recognises(t: string) {
    return t.split('.').length === 3;
  }
  async verify(t: string): Promise<TokenVerdict> {
    const [, u = '', s = ''] = t.split('.');
    return { ok: true, viewer: accountViewer(u, s), expiresAtMs: Date.now() + 3_600_000 };
  }
}
