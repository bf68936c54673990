import { Injectable } from '@nestjs/common';
import { HttpRefusalError } from '../../live/errors/sallyport.errors.js';
import type { RouteRule } from './route-rules.js';

/** A form with the longest logout token, in bytes. */
const MAX_BODY_BYTES = 20 * 1024;
const FORM = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/** What holds for `POST /oidc/backchannel-logout` before its body is read (Back-Channel Logout 1.0 §2.5). */
@Injectable()
export class BackchannelLogoutRule implements RouteRule {
  readonly path = '/oidc/backchannel-logout';
  readonly methods = ['POST'];
  readonly bodyLimitBytes = MAX_BODY_BYTES;

  readonly admit: RouteRule['admit'] = ({ headers }, reply) => {
    void reply.header('Cache-Control', 'no-store');
    if (!FORM.test(headers['content-type'] ?? ''))
      throw new HttpRefusalError(415, 'Send a form, application/x-www-form-urlencoded, with logout_token.');
  };
}
