/** The exports of `sallyport/testing`, for the tests of applications that use SallyportModule. */
export { SESSION_PORT } from '../module/app-sessions.js';
export { Inbox } from './inbox.js';
export {
  closeCodeFor,
  LiveSocket,
  type NextPayload,
  openSocket,
  type SocketClose,
  type SocketOptions,
  type WireMessage,
} from './live-socket.js';
export { connectAs, startSallyport, type TestApp, type TestAppOptions, TestSessions } from './start-sallyport.js';
