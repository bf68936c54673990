import { useEffect, useState } from 'react';
import type { LiveState } from '../../client/index.js';
import { useStore } from '../app/store.js';
import { useBackend } from '../app/backend.js';

/** How long the server keeps notifications: a client that reconnects later does not get all that it missed. */
const REMEMBERED_MS = 5 * 60_000;

const WORDS: Readonly<Record<LiveState, string>> = {
  idle: 'Not connected',
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting. You will get what you missed',
  offline: 'Offline. Reconnecting automatically',
  signedOut: 'Signed out elsewhere',
  stopped: 'Refused by the server. Reload the page',
};

/** The state of the connection in words, announced to screen readers when it changes. */
export function ConnectionState() {
  const { connection } = useBackend();
  const state = useStore(connection.state);
  const lostForLong = useLostForLong(useStore(connection.lostAt));
  const words = state === 'reconnecting' && lostForLong ? 'Reconnecting, still trying' : WORDS[state];
  return (
    <output className="connection" data-state={state}>
      <span className="connection-dot" aria-hidden="true" />
      {words}
    </output>
  );
}

function useLostForLong(lostAt: number | null): boolean {
  const [longSince, setLongSince] = useState<number | null>(null);
  useEffect(() => {
    if (lostAt === null) return undefined;
    const timer = setTimeout(() => setLongSince(lostAt), Math.max(0, lostAt + REMEMBERED_MS - Date.now()));
    return () => clearTimeout(timer);
  }, [lostAt]);
  return lostAt !== null && lostAt === longSince;
}
