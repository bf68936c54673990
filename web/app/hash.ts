import { useSyncExternalStore } from 'react';

function follow(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  return () => window.removeEventListener('hashchange', listener);
}

/** The part of the URL from `#` on, as it changes. */
export function useHash(): string {
  return useSyncExternalStore(follow, () => window.location.hash);
}
