const [form, main, problem, connection, orders] = ['form', 'main', '[role=alert]', 'output', 'ul'].map((selector) =>
  document.querySelector(selector),
);
let live;

/** Starts with the cookie that the browser has. Without a session `/live-token` answers 401, and the form is shown. */
function start() {
  orders.replaceChildren();
  live = Sallyport.startLive({
    url: '/graphql',
    tokenUrl: '/live-token',
    onState: (state) => {
      connection.value = state;
      if (state === 'live') show(main);
    },
    onSignedOut: () => {
      show(form);
      void live.stop();
    },
    // Some events are lost: start again from what the server still has.
    onGap: () => location.reload(),
  });
  live.subscribe('subscription { orderStatus { order state } }', ({ orderStatus: { order, state } }) => {
    const item = document.createElement('li');
    item.textContent = `Order ${order} is ${state}`;
    orders.append(item);
  });
}

function show(shown) {
  for (const part of [form, main]) part.hidden = part !== shown;
}

/** Calls a route of the shop; without an answer the result is an error with status 0. */
function post(path, body = {}) {
  return fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }).catch(() => Response.error());
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { ok, status } = await post('/sign-in', Object.fromEntries(new FormData(form)));
  problem.textContent = ok ? '' : status === 401 ? 'Wrong name or password.' : 'The shop does not answer. Try again.';
  if (!ok) return;
  form.reset();
  start();
});
document.querySelector('#order').addEventListener('click', () => post('/orders'));
// The server closes the socket with 4401, and `onSignedOut` shows the form.
document.querySelector('#sign-out').addEventListener('click', () => post('/sign-out'));
start();
