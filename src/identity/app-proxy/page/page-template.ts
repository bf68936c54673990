/**
 * The page of a logged-in customer, inside the shop's theme. Replace it with your own.
 *
 * It is Liquid (the shop's `{{ … }}` and `{% … %}` work here) and HTML, the same for all customers: never build it from
 * a request. Keep it ASCII, and avoid two braces in a row in scripts and styles. When its scripts run, `sallyport` is
 * the page's live connection, already started: `sallyport.subscribe(document, onData)`. States arrive as
 * `sallyport:state` on the document, and as `sallyport:gap` that events of a subscription were lost. If the client
 * script did not load, `sallyport` is null.
 *
 * It uses the theme's fonts and colours and adds only spacing and lines. Without JavaScript it says so.
 */
export const PAGE_TEMPLATE = `
<style>
  .sallyport { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
  .sallyport [hidden] { display: none; }
  .sallyport-state { display: flex; gap: .5em; align-items: center; margin: 0 0 1.5rem; }
  .sallyport-state::before { content: ''; flex: none; width: .6em; height: .6em; border-radius: 50%; background: currentColor; opacity: .4; }
  .sallyport-state[data-state=live]::before { background: #1a7f4b; opacity: 1; }
  .sallyport-card { border: 1px solid; border-color: rgb(128 128 128 / .35); border-radius: .5rem; padding: 1rem 1.25rem; margin: 0 0 1.5rem; }
  .sallyport-card h2 { font-size: 1.1em; margin: 0 0 .5rem; }
  .sallyport-number { font-size: 2.5em; line-height: 1.2; font-variant-numeric: tabular-nums; margin: 0; }
  .sallyport-list { list-style: none; margin: 0; padding: 0; }
  .sallyport-list li { border-top: 1px solid; border-color: rgb(128 128 128 / .35); padding: .75rem 0; overflow-wrap: anywhere; }
  .sallyport-list li:first-child { border-top: 0; }
  .sallyport-list span { display: block; opacity: .8; }
</style>
<section class="page-width sallyport" id="sallyport">
  <h1>Your updates</h1>
  <noscript><p class="sallyport-card">This page needs JavaScript to show your updates. Turn it on in your browser and reload the page.</p></noscript>
  <p class="sallyport-state" id="sallyport-state" role="status" hidden>Connecting</p>
  <div id="sallyport-content" hidden>
    <div class="sallyport-card">
      <h2>Your number</h2>
      <p class="sallyport-number" id="sallyport-user-count">&ndash;</p>
    </div>
    <div class="sallyport-card">
      <h2>Notifications</h2>
      <p id="sallyport-none">Nothing new in the last few minutes.</p>
      <ul class="sallyport-list" id="sallyport-notifications" aria-live="polite"></ul>
    </div>
  </div>
</section>
<script>
  (function () {
    var words = {
      idle: 'Not connected',
      connecting: 'Connecting',
      live: 'Live',
      reconnecting: 'Connection lost. Reconnecting automatically',
      offline: 'You are offline. Reconnecting automatically',
      signedOut: 'You are logged out. Log in again to see your updates',
      stopped: 'The connection was refused. Reload the page'
    };
    var KEPT = 50;
    var element = function (id) {
      return document.getElementById('sallyport-' + id);
    };
    var tell = function (state, text) {
      element('state').hidden = false;
      element('state').dataset.state = state;
      element('state').textContent = text;
    };
    if (!sallyport) {
      tell('stopped', 'Live updates could not be loaded. Check your connection and reload the page.');
      return;
    }
    element('content').hidden = false;
    tell(sallyport.client.state, words[sallyport.client.state]);
    document.addEventListener('sallyport:state', function (event) {
      tell(event.detail, words[event.detail]);
    });
    // After a gap it starts anew: another customer may have logged in in another tab.
    var follow = function (query, clear, show) {
      var stop = sallyport.subscribe(query, show);
      document.addEventListener('sallyport:gap', function (event) {
        if (event.detail.payload.query !== query) return;
        stop();
        clear();
        stop = sallyport.subscribe(query, show);
      });
    };
    var showNumber = function (data) {
      element('user-count').textContent = data.userCount;
    };
    var clearNumber = function () {
      element('user-count').textContent = '\\u2013';
    };
    follow('subscription { userCount }', clearNumber, showNumber);
    var shown = new Set();
    var show = function (data) {
      var notification = data.notifications;
      var list = element('notifications');
      if (shown.has(notification.id)) return;
      shown.add(notification.id);
      var item = document.createElement('li');
      var title = document.createElement('strong');
      title.textContent = notification.title;
      title.dir = 'auto';
      item.append(title);
      if (notification.body) {
        var body = document.createElement('span');
        body.textContent = notification.body;
        body.dir = 'auto';
        item.append(body);
      }
      item.dataset.id = notification.id;
      list.prepend(item);
      if (list.children.length > KEPT) {
        shown.delete(list.lastChild.dataset.id);
        list.lastChild.remove();
      }
      element('none').hidden = true;
    };
    var clear = function () {
      shown.clear();
      element('notifications').replaceChildren();
      element('none').hidden = false;
    };
    follow('subscription { notifications { id title body } }', clear, show);
  })();
</script>
`;
