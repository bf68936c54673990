import { LOGIN_URL, LOGIN_REDIRECT } from './login-redirect.js';

/**
 * The page for a visitor who is not logged in: it takes the browser to the shop's login. A redirect would not do: the shop's proxy
 * follows it itself, and the browser would never see it.
 *
 * It goes there once in half a minute: a shop whose login does not reach the proxy shows a link and no endless loop.
 *
 * @param pathPrefix from a verified visit, for browsers without scripts
 */
export function loginPage(pathPrefix: string): string {
  const back = encodeURIComponent(pathPrefix);
  return `<p class="page-width">
<a id="sallyport-login" data-login="${LOGIN_URL}" href="${LOGIN_URL}?return_url=${back}&amp;return_to=${back}">Log in to see your updates</a>
</p>
<script>
(function () {${LOGIN_REDIRECT}
  var link = document.getElementById('sallyport-login');
  link.href = wayToLogin(link.dataset.login);
  try {
    var last = Number(sessionStorage.getItem('sallyport:login'));
    sessionStorage.setItem('sallyport:login', Date.now());
    if (Date.now() - last < 30000) return;
  } catch (_) {
    return;
  }
  location.replace(link.href);
})();
</script>
`;
}
