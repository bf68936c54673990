/** The shop's login page, as the theme knows it; Liquid. */
export const LOGIN_URL = "{{ routes.account_login_url | default: '/account/login' }}";

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
