/** What a `<script>` tag gets as `window.Sallyport`: one function. Built to `dist/sallyport-live.js`, graphql-ws inside. */
export { startLive } from './start-live.js';
