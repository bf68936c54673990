import { Liquid } from 'liquidjs';

const engine = new Liquid();

const LAYOUT = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ shop.name }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; color: #222; }
header, main { max-width: 40rem; margin: 0 auto; padding: 1rem; }
header { border-bottom: 1px solid #ccc; }
output { font-weight: bold; }
</style>
</head>
<body>
<header><a href="/">{{ shop.name }}</a> · {% if customer %}customer {{ customer.id }} · <a href="/account/logout">Log out</a>{% else %}<a href="{{ routes.account_login_url }}">Log in</a>{% endif %}</header>
<main>
`;

/** Renders Liquid inside the shop's theme, with some of a theme's objects. An injected tag would show up here. */
export function inTheme(liquid: string, customer: string): Promise<string> {
  const objects = {
    shop: { name: 'Demo shop', secret_of_the_theme: 'LIQUID-WAS-RENDERED' },
    routes: { account_login_url: '/account/login' },
    customer: customer ? { id: customer } : null,
  };
  return engine.parseAndRender(`${LAYOUT}${liquid}\n</main>\n</body>\n</html>\n`, objects) as Promise<string>;
}

/** The shop's home page, in Liquid. */
export function homePage(pathPrefix: string): string {
  return `<h1>Welcome</h1>\n<p><a href="${pathPrefix}">Live page</a></p>`;
}

/** The login form, in Liquid. It posts to its own URL, which keeps the return address. */
export function loginPage(url: URL): string {
  const action = `/account/login${url.search}`.replace(/[&<>"'{}%]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return `<h1>Log in</h1>
<form method="post" action="${action}">
<label>Customer number <input name="customer" inputmode="numeric" pattern="[1-9][0-9]*" value="42" required></label>
<button>Log in</button>
</form>`;
}

/** The customer's account page, in Liquid. */
export function accountPage(customer: string): string {
  return `<h1>Account</h1>\n<p>${customer ? `You are customer ${customer}.` : 'Nobody is logged in.'}</p>`;
}
