import { Inject, Injectable } from '@nestjs/common';
import { HTTP_CONFIG, type HttpConfig } from '../../identity.config.js';
import { GRAPHQL_PATH } from '../../../protocol/payload.js';
import type { IssuedToken } from '../token/sealed-tokens.js';
import { ClientScript } from './client-script.js';
import { PAGE_TEMPLATE } from './page-template.js';
import { LOGIN_REDIRECT } from './login-page.js';

/**
 * The page of a logged-in customer: token and client script around {@link PAGE_TEMPLATE}. It contains nothing from the
 * visitor.
 */
@Injectable()
export class LivePage {
  constructor(
    @Inject(HTTP_CONFIG) private readonly http: HttpConfig,
    private readonly script: ClientScript,
  ) {}

  /**
   * @param pathPrefix from a verified visit; the page gets its next token there
   * @returns Liquid, to be sent as `application/liquid`
   */
  render({ token, expiresAt }: IssuedToken, pathPrefix: string): string {
    const data = embeddedJson({
      url: this.http.publicUrl + GRAPHQL_PATH,
      tokenUrl: `${pathPrefix}/token`,
      token,
      expiresAt: expiresAt.toISOString(),
    });
    return `<script type="application/json" id="sallyport-data">${data}</script>
<script src="${this.http.publicUrl}${this.script.path}"></script>
<script>
var sallyport = (function () {${LOGIN_REDIRECT}
  if (!window.Sallyport) return null;
  var options = JSON.parse(document.getElementById('sallyport-data').textContent);
  options.onState = function (state) {
    document.dispatchEvent(new CustomEvent('sallyport:state', { detail: state }));
  };
  options.onGap = function (gap) {
    document.dispatchEvent(new CustomEvent('sallyport:gap', { detail: gap }));
  };
  options.loginUrl = loginLink({{ routes.account_login_url | default: '/account/login' | json }});
  return Sallyport.startLive(options);
})();
</script>${PAGE_TEMPLATE}`;
  }
}

/**
 * Writes flat data as JSON that is safe inside Liquid (no braces except the outermost, no percent sign) and inside an
 * HTML script element (no angle brackets, no ampersand). ASCII only.
 */
export function embeddedJson(data: Readonly<Record<string, string>>): string {
  const inner = JSON.stringify(data).slice(1, -1);
  return `{${inner.replace(/[{}%<>&'\u007f-\uffff]/g, escaped)}}`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
