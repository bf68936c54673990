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

/** The shop's login page, as the theme knows it; Liquid. */
const LOGIN_URL = "{{ routes.account_login_url | default: '/account/login' }}";

/**
 * A script's function that makes the login URL with the way back to this page. The browser's own address is used: it has
 * never had a signature (one that was opened past the shop's proxy loses it here). Older and newer customer accounts
 * read different parameters, so both are given.
 */
export const LOGIN_REDIRECT = `
  var wayToLogin = function (loginUrl) {
    var query = new URLSearchParams(location.search);
    query.delete('signature');
    var back = location.pathname + (String(query) && '?' + query);
    var url = new URL(loginUrl, location.href);
    url.searchParams.set('return_url', back);
    url.searchParams.set('return_to', back);
    return url.href;
  };`;
