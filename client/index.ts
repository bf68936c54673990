export { CloseCode } from '../src/protocol/close-code.js';
export { createLiveClient, type LiveClient, type LiveClientOptions } from './live-client.js';
export type { LiveState } from './live-state.js';
export type { Gap } from './resuming-subscribe.js';
export { startLive, type Live, type StartLiveOptions } from './start-live.js';
export { tokenFromMe, tokenFromUrl } from './token-endpoints.js';
export { TokenUnavailableError, type GetToken } from './token-source.js';
