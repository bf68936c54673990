/**
 * The page for a visitor who is not logged in: it sends the browser to the shop's login. An HTTP redirect does not
 * work, because the shop's proxy follows it itself and the browser never sees it.
 *
 * It redirects at most once in half a minute: if a shop's login does not reach the proxy, the page shows a link instead
 * of looping.
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
  link.href = loginLink(link.dataset.login);
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

/** The URL of the shop's login page from the theme; Liquid. */
const LOGIN_URL = "{{ routes.account_login_url | default: '/account/login' }}";

/**
 * A script function that builds the login URL with a return to this page. It uses the browser's own URL, which has no
 * signature (if the page was opened without the shop's proxy, the signature is removed here). Older and newer customer
 * accounts read different parameters, so both are set.
 */
export const LOGIN_REDIRECT = `
  var loginLink = function (loginUrl) {
    var query = new URLSearchParams(location.search);
    query.delete('signature');
    var back = location.pathname + (String(query) && '?' + query);
    var url = new URL(loginUrl, location.href);
    url.searchParams.set('return_url', back);
    url.searchParams.set('return_to', back);
    return url.href;
  };`;
