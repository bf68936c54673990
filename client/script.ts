/**
 * The `window.Sallyport` of a `<script>` tag: one function. Built to `dist/sallyport-live.js`, including graphql-ws.
 */
export { startLive } from './start-live.js';
