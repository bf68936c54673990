/**
 * What a logged-in customer sees, inside the shop's theme. Replace it with your own: this is the one place.
 *
 * It is Liquid (the shop's `{{ … }}` and `{% … %}` work here) and HTML, the same for everybody: never build it from a request.
 * Keep it ASCII, and keep two braces in a row out of scripts. When its scripts run, `sallyport` is the page's live
 * connection, already started: `sallyport.subscribe(document, onData)`. States arrive as `sallyport:state` on the document.
 */
export const PAGE_INSIDE = `
<section class="page-width" id="sallyport">
  <h1>Live</h1>
  <p>Connection: <output id="sallyport-state">idle</output></p>
  <p>Your number: <output id="sallyport-user-count">&ndash;</output></p>
  <ul id="sallyport-notifications" aria-live="polite"></ul>
</section>
<script>
  (function () {
    var show = function (id, text) {
      document.getElementById(id).textContent = text;
    };
    document.addEventListener('sallyport:state', function (event) {
      show('sallyport-state', event.detail);
    });
    sallyport.subscribe('subscription { userCount }', function (data) {
      show('sallyport-user-count', data.userCount);
    });
    sallyport.subscribe('subscription { notifications { id title body } }', function (data) {
      var item = document.createElement('li');
      item.textContent = data.notifications.title + (data.notifications.body ? ': ' + data.notifications.body : '');
      document.getElementById('sallyport-notifications').prepend(item);
    });
  })();
</script>
`;
